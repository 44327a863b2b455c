"""Signing in with a code by text message: two pages, no script."""

from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from kernel.ids import parse_id
from oauth.sign_in import phone_codes
from oauth.sign_in.errors import HolderUnsure, InvalidPhone, SignInRefused, TooManyAttempts
from oauth.sign_in.setup import sign_in
from open_api.pages.browser import Browser, keep_session, own_path, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.pages.serving import set_refusal
from open_api.sign_in.addresses import AFTER_SIGN_IN, with_continue
from open_api.sign_in.told import told_refusal
from open_api.sign_in.words import say

FORM = """{notice}<p class="lead">{lead}</p>
<form method="post" action="/sign-in" autocomplete="on">
{token}<input type="hidden" name="continue" value="{target}">
<div class="field"><label for="phone">{label}</label>
<input id="phone" name="phone" type="tel" inputmode="tel" autocomplete="tel-national" maxlength="20" required autofocus
 value="{phone}" aria-describedby="phone-hint"{invalid}>
<p class="hint" id="phone-hint">{hint}</p></div>
<div class="actions"><button type="submit">{go}</button></div>
</form>
"""
CODE_FORM = """{notice}<p class="lead">{lead}</p>
<form method="post" action="/sign-in/code" autocomplete="off">
{token}<input type="hidden" name="continue" value="{target}"><input type="hidden" name="sent" value="{sent}">
<div class="field"><label for="code">{label}</label>
<input class="code" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code"
 pattern="[0-9]*" maxlength="6" required autofocus aria-describedby="code-hint"{invalid}>
<p class="hint" id="code-hint">{hint}</p></div>
<div class="actions"><button type="submit">{go}</button></div>
</form>
<p class="links"><a href="{back}">{other}</a></p>
"""
INVALID = Html(' aria-invalid="true"')


async def show_phone(request: Request, browser: Browser) -> HTTPResponse:
    """Ask for a telephone number."""
    target = own_path(request.args.get("continue"), otherwise=AFTER_SIGN_IN)
    again = notice(say("again", browser.language), bad=False) if request.args.get("again") else Html("")
    if request.args.get("signed_out"):
        again = notice(say("signed_out", browser.language), bad=False)
    return _phone_page(browser, target, told=again)


async def send(request: Request, browser: Browser) -> HTTPResponse:
    """Send a code to the number, and go on to where it is asked for."""
    form = read_form(request, browser)
    target = own_path(form.get("continue"), otherwise=AFTER_SIGN_IN)
    try:
        sent = await phone_codes.send_code(form.get("phone", ""), browser.visit)
    except HospitalError as error:
        told = told_refusal(error, browser.language)
        response = _phone_page(
            browser, target, told=told, phone=form.get("phone", "")[:20], invalid=isinstance(error, InvalidPhone)
        )
        return set_refusal(response, error)
    return see_other(with_continue(f"/sign-in/code?sent={sent}", target))


async def show_code(request: Request, browser: Browser) -> HTTPResponse:
    """Ask for the code that was sent."""
    target = own_path(request.args.get("continue"), otherwise=AFTER_SIGN_IN)
    sent = await _find(request.args.get("sent", ""), browser)
    if sent is None:
        return see_other(with_continue("/sign-in", target))
    return _code_page(browser, target, sent, told=Html(""))


async def check_code(request: Request, browser: Browser) -> HTTPResponse:
    """Sign in with the code."""
    form = read_form(request, browser)
    target = own_path(form.get("continue"), otherwise=AFTER_SIGN_IN)
    code_id = _read_id(form.get("sent", ""))
    code = "".join(form.get("code", "").split())
    try:
        if code_id is None:
            raise SignInRefused
        token, _ = await phone_codes.sign_in_by_code(code_id, code, browser.visit, present=browser.session)
    except HolderUnsure as error:
        told = told_refusal(error, browser.language)
        return set_refusal(_phone_page(browser, target, told=told), error)
    except (SignInRefused, TooManyAttempts) as error:
        sent = await _find(form.get("sent", ""), browser)
        if sent is None:
            gone = notice(say("code_gone", browser.language), bad=True)
            return set_refusal(_phone_page(browser, target, told=gone), error)
        told = told_refusal(error, browser.language)
        return set_refusal(_code_page(browser, target, sent, told=told, invalid=True), error)
    return keep_session(see_other(target), token)


def _phone_page(browser: Browser, target: str, *, told: Html, phone: str = "", invalid: bool = False) -> HTTPResponse:
    language = browser.language
    if sign_in().messages is None:
        form = html('<p class="lead">{text}</p>', text=say("no_messages", language))
    else:
        form = html(
            FORM,
            notice=told,
            lead=say("phone_lead", language),
            token=browser.form_field,
            target=target,
            label=say("phone", language),
            phone=phone,
            hint=say("phone_hint", language),
            go=say("send_code", language),
            invalid=INVALID if invalid else Html(""),
        )
    passkey = Html("")
    if sign_in().relying_party is not None:
        passkey = html(
            '<div class="else"><a class="button quiet" href="{href}">{text}</a></div>\n',
            href=with_continue("/sign-in/passkey", target),
            text=say("use_passkey", language),
        )
    links = html(
        '<p class="links"><a href="{href}">{text}</a></p>\n',
        href=with_continue("/staff/sign-in", target),
        text=say("staff_link", language),
    )
    return page(say("sign_in", language), join([form, passkey, links]), language=language)


def _code_page(
    browser: Browser, target: str, sent: phone_codes.SentCode, *, told: Html, invalid: bool = False
) -> HTTPResponse:
    language = browser.language
    form = html(
        CODE_FORM,
        notice=told,
        lead=say("code_lead", language, phone=sent.phone),
        token=browser.form_field,
        target=target,
        sent=sent.id,
        label=say("code", language),
        hint=say("code_hint", language),
        go=say("continue", language),
        back=with_continue("/sign-in", target),
        other=say("other_phone", language),
        invalid=INVALID if invalid else Html(""),
    )
    return page(say("code_title", language), form, language=language)


async def _find(text: str, browser: Browser) -> phone_codes.SentCode | None:
    code_id = _read_id(text)
    return None if code_id is None else await phone_codes.find_code(code_id, browser.visit)


def _read_id(text: str) -> UUID | None:
    try:
        return parse_id(text)
    except ValueError:
        return None
