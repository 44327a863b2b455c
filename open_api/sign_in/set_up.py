"""Setting up a staff account: the invitation's code, then a password with an authenticator, or a passkey."""

import io
from uuid import UUID

import segno
from sanic import Request
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from oauth.sign_in import passkeys
from oauth.sign_in.errors import NotSignedIn, SignInRefused, WeakPassword
from oauth.sign_in.setup import sign_in
from oauth.staff import invitations
from oauth.staff.invitations import Opened
from open_api.pages.browser import Browser, read_form, read_script_call, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.pages.serving import script_answer, set_refusal
from open_api.sign_in.passkeys import answer_of, passkey_button
from open_api.sign_in.told import told_refusal
from open_api.sign_in.words import say

CODE_FORM = """{notice}<p class="lead">{lead}</p>
<form method="post" action="{action}" autocomplete="off">{token}
<div class="field"><label for="code">{label}</label>
<input id="code" name="code" type="text" autocapitalize="characters" spellcheck="false" maxlength="20" required
 autofocus aria-describedby="code-hint"><p class="hint" id="code-hint">{hint}</p></div>
<div class="actions"><button type="submit">{go}</button></div>
</form>
"""
CHOICE_FORM = """{notice}<p class="lead">{hello}</p>
<h2>{title}</h2>
<form method="post" action="{action}" autocomplete="off">{token}
<input type="text" name="username" autocomplete="username" value="{code}" hidden readonly>
<div class="field"><label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="12" maxlength="128"
 required aria-describedby="password-hint"><p class="hint" id="password-hint">{password_hint}</p></div>
<div class="field"><label for="again">{again}</label>
<input id="again" name="again" type="password" autocomplete="new-password" minlength="12" maxlength="128"
 required></div>
<div class="field"><p id="scan">{scan}</p><div class="scan">{picture}</div>
<p class="hint">{by_hand}<br><span class="secret">{secret}</span></p></div>
<div class="field"><label for="second">{totp}</label>
<input class="code" id="second" name="second" type="text" inputmode="numeric" autocomplete="one-time-code"
 maxlength="6" required aria-describedby="scan"></div>
<div class="actions"><button type="submit">{finish}</button></div>
</form>
"""


async def show(_request: Request, browser: Browser, invitation_id: UUID) -> HTTPResponse:
    """Ask for the invitation's code, or go on where it has been given."""
    opened = await invitations.find_opened(invitation_id, browser.visit)
    if opened is None:
        return _code_page(browser, invitation_id, told=Html(""))
    return _choice_page(browser, opened, told=Html(""))


async def open_it(request: Request, browser: Browser, invitation_id: UUID) -> HTTPResponse:
    """Check the invitation's code."""
    form = read_form(request, browser)
    try:
        await invitations.open_invitation(invitation_id, form.get("code", "")[:40], browser.visit)
    except SignInRefused as error:
        return set_refusal(_code_page(browser, invitation_id, told=told_refusal(error, browser.language)), error)
    return see_other(_address(invitation_id))


async def finish(request: Request, browser: Browser, invitation_id: UUID) -> HTTPResponse:
    """Set up a password and an authenticator, and show the recovery codes."""
    form = read_form(request, browser)
    opened = await invitations.find_opened(invitation_id, browser.visit)
    if opened is None:
        return see_other(_address(invitation_id))
    password, language = form.get("password", ""), browser.language
    if password != form.get("again", ""):
        told = notice(say("passwords_differ", language), bad=True)
        return set_refusal(_choice_page(browser, opened, told=told), WeakPassword())
    try:
        codes = await invitations.finish_with_password(
            opened, password=password, one_time_code=form.get("second", ""), visit=browser.visit
        )
    except SignInRefused as error:
        told = notice(say("totp_wrong", language), bad=True)
        return set_refusal(_choice_page(browser, opened, told=told), error)
    except HospitalError as error:
        return set_refusal(_choice_page(browser, opened, told=told_refusal(error, language)), error)
    shown = join(html("<li>{code}</li>", code=code) for code in codes)
    body = html(
        '<p class="lead">{lead}</p><ol class="codes">{codes}</ol>',
        lead=say("recovery_lead", language),
        codes=shown,
    )
    return page(say("set_up_done", language), join([body, _go_sign_in(language)]), language=language)


async def begin_passkey(request: Request, browser: Browser, invitation_id: UUID) -> HTTPResponse:
    """Give a challenge for the passkey that is made instead."""
    opened = await _require_opened(browser, invitation_id)
    read_script_call(request, browser)
    ceremony = await invitations.begin_passkey(opened, browser.visit)
    return script_answer({"id": str(ceremony.id), "options": ceremony.options})


async def finish_passkey(request: Request, browser: Browser, invitation_id: UUID) -> HTTPResponse:
    """Set up a passkey."""
    opened = await _require_opened(browser, invitation_id)
    body = read_script_call(request, browser)
    ceremony_id = passkeys.read_ceremony_id(body.get("ceremony"))
    await invitations.finish_with_passkey(opened, ceremony_id, answer_of(body), visit=browser.visit)
    return script_answer({"continue": "/sign-in/passkey?for=staff"})


async def _require_opened(browser: Browser, invitation_id: UUID) -> Opened:
    opened = await invitations.find_opened(invitation_id, browser.visit)
    if opened is None:
        raise NotSignedIn
    return opened


def _code_page(browser: Browser, invitation_id: UUID, *, told: Html) -> HTTPResponse:
    language = browser.language
    form = html(
        CODE_FORM,
        notice=told,
        lead=say("set_up_lead", language),
        action=_address(invitation_id),
        token=browser.form_field,
        label=say("set_up_code", language),
        hint=say("set_up_code_hint", language),
        go=say("passkey_go", language),
    )
    return page(say("set_up_title", language), form, language=language)


def _choice_page(browser: Browser, opened: Opened, *, told: Html) -> HTTPResponse:
    language = browser.language
    form = html(
        CHOICE_FORM,
        notice=told,
        hello=say("set_up_hello", language, name=opened.name, code=opened.code),
        title=say("set_up_password_title", language),
        action=f"{_address(opened.id)}/password",
        token=browser.form_field,
        code=opened.code,
        password=say("new_password", language),
        password_hint=say("new_password_hint", language),
        again=say("new_password_again", language),
        scan=say("scan", language),
        picture=_picture(opened.address_to_scan),
        by_hand=say("scan_by_hand", language),
        secret=" ".join(opened.secret[at : at + 4] for at in range(0, len(opened.secret), 4)),
        totp=say("totp", language),
        finish=say("set_up_finish", language),
    )
    passkey = Html("")
    if sign_in().relying_party is not None:
        passkey = html(
            "<h2>{title}</h2><p>{lead}</p>{button}",
            title=say("set_up_passkey_title", language),
            lead=say("passkey_lead", language),
            button=passkey_button(
                browser, "create", f"{_address(opened.id)}/passkey", word="add_passkey", look="quiet"
            ),
        )
    scripts = ["passkey.js"] if passkey else []
    return page(say("set_up_title", language), join([form, passkey]), language=language, scripts=scripts)


def _go_sign_in(language: str) -> Html:
    return html(
        '<div class="actions"><a class="button" href="/staff/sign-in">{text}</a></div>',
        text=say("go_sign_in", language),
    )


def _picture(address: str) -> Html:
    """Draw the code to scan as SVG in the page: nothing else need be loaded, and no policy be loosened."""
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=2, dark="#000", light="#fff"
    )
    return Html(drawn.getvalue().decode())


def _address(invitation_id: UUID) -> str:
    return f"/staff/set-up/{invitation_id}"
