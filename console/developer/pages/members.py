"""The people of an organisation: who is in it, who is invited, and who is let go."""

from typing import Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import is_fresh, prove_again, require_developer
from console.developer.forms import Form
from console.developer.frame import (
    HOME,
    NOTHING,
    button,
    heading,
    paragraph,
    portal_page,
    refused,
    say,
    table,
    time_of,
    told_done,
    told_error,
)
from console.developer.routes import do, show
from kernel.errors import HospitalError
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html
from partners.developers import (
    INVITATION_LIFETIME,
    NAME_CHARACTERS_MAX,
    Colleague,
    Developer,
    Invitation,
    invite,
    list_colleagues,
    list_invitations,
    remove_member,
    withdraw_invitation,
)

MEMBERS: Final = f"{HOME}/members"
ROLES: Final = {"owner": ("所有者", "Owner"), "member": ("成员", "Member")}
DONE: Final = {
    "invited": (
        "邀请已发出。对方用这个手机号码登录开发者平台后即可加入。",
        "They are invited: whoever signs in here with that number can join.",
    ),
    "withdrawn": ("邀请已撤回。", "The invitation has been withdrawn."),
    "removed": ("该成员已移出组织。", "They are no longer in the organisation."),
}


async def show_members(request: Request, browser: Browser) -> HTTPResponse:
    """List the people of the organisation."""
    developer = await require_developer(browser)
    told = told_done(browser, request.args.get("done"), DONE)
    return await _page(browser, developer, Form(browser), told=told)


async def send_invitation(request: Request, browser: Browser) -> HTTPResponse:
    """Invite somebody by their number; once they have joined they see to the keys too."""
    developer = await require_developer(browser)
    form = read_form(request, browser)
    if not is_fresh(browser):
        return prove_again(MEMBERS)
    try:
        await invite(
            developer, phone=form.get("phone", ""), name=form.get("name", ""), request_id=browser.visit.request_id
        )
    except HospitalError as error:
        return refused(await _page(browser, developer, Form(browser, form, error)), error)
    return see_other(f"{MEMBERS}?done=invited")


async def withdraw(request: Request, browser: Browser, invitation_id: UUID) -> HTTPResponse:
    """Take an invitation back."""
    developer = await require_developer(browser)
    read_form(request, browser)
    await withdraw_invitation(developer, invitation_id)
    return see_other(f"{MEMBERS}?done=withdrawn")


async def remove(request: Request, browser: Browser, member_id: UUID) -> HTTPResponse:
    """Let somebody go."""
    developer = await require_developer(browser)
    read_form(request, browser)
    if not is_fresh(browser):
        return prove_again(MEMBERS)
    try:
        await remove_member(developer, member_id, request_id=browser.visit.request_id)
    except HospitalError as error:
        return refused(await _page(browser, developer, Form(browser), told=told_error(browser, error)), error)
    return see_other(f"{MEMBERS}?done=removed")


PAGES: Final = (
    show(MEMBERS, show_members),
    do(f"{MEMBERS}/invite", send_invitation),
    do(f"{MEMBERS}/invitations/<invitation_id:uuid>/withdraw", withdraw),
    do(f"{MEMBERS}/<member_id:uuid>/remove", remove),
)


async def _page(browser: Browser, developer: Developer, form: Form, *, told: Html = NOTHING) -> HTTPResponse:
    colleagues = await list_colleagues(developer)
    parts = [form.told, paragraph(developer.organisation, "lead"), _members(browser, developer, colleagues)]
    invitations = await list_invitations(developer)
    if invitations:
        parts += [heading(say(browser, "等待接受的邀请", "Invited")), _invited(browser, developer, invitations)]
    if developer.is_owner:
        parts += [heading(say(browser, "邀请同事", "Invite somebody")), _invite(browser, form)]
    else:
        only = say(
            browser, "由组织的所有者邀请和移出成员。", "An owner of the organisation invites people and lets them go."
        )
        parts.append(paragraph(only, "hint"))
    title = say(browser, "成员", "Members")
    return portal_page(browser, title, parts, developer=developer, told=told, here=MEMBERS)


def _members(browser: Browser, developer: Developer, colleagues: list[Colleague]) -> Html:
    rows = [
        (
            one.name + (say(browser, "（您）", " (you)") if one.account_id == developer.account_id else ""),
            say(browser, *ROLES[one.role]),
            time_of(one.joined_at),
            button(browser, f"{MEMBERS}/{one.id}/remove", say(browser, "移出", "Remove"), look="danger small")
            if developer.is_owner and one.account_id != developer.account_id
            else "",
        )
        for one in colleagues
    ]
    names = (say(browser, "姓名", "Name"), say(browser, "角色", "Role"), say(browser, "加入于", "Since"), "")
    return table(names, rows, empty="")


def _invited(browser: Browser, developer: Developer, invitations: list[Invitation]) -> Html:
    rows = [
        (
            one.name,
            time_of(one.expires_at),
            button(browser, f"{MEMBERS}/invitations/{one.id}/withdraw", say(browser, "撤回", "Withdraw"))
            if developer.is_owner
            else "",
        )
        for one in invitations
    ]
    return table((say(browser, "姓名", "Name"), say(browser, "有效期至", "Until"), ""), rows, empty="")


def _invite(browser: Browser, form: Form) -> Html:
    hint = say(
        browser,
        "对方用这个号码登录后可以选择加入；邀请{days}天内有效",
        "Whoever signs in with it can choose to join, for {days} days",
        days=INVITATION_LIFETIME.days,
    )
    fields = [
        form.text("name", say(browser, "姓名", "Name"), most=NAME_CHARACTERS_MAX),
        form.text("phone", say(browser, "手机号码", "Mobile number"), most=20, kind="tel", hint=hint),
    ]
    return form.send(f"{MEMBERS}/invite", fields, go=say(browser, "邀请", "Invite"))
