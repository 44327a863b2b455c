"""Staff sign-in: code, password and one-time code on one page, so that none of them can be tried by itself."""

from sanic import Request
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from oauth.sign_in.setup import sign_in
from oauth.sign_in.staff import sign_in_staff
from open_api.pages.browser import Browser, keep_session, own_path, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.pages.serving import set_refusal
from open_api.sign_in.addresses import AFTER_SIGN_IN, with_continue
from open_api.sign_in.told import told_refusal
from open_api.sign_in.words import say

FORM = """{notice}<form method="post" action="/staff/sign-in" autocomplete="on">
{token}<input type="hidden" name="continue" value="{target}">
<div class="field"><label for="code">{code_label}</label>
<input id="code" name="code" type="text" autocomplete="username" autocapitalize="characters" spellcheck="false"
 maxlength="20" required autofocus value="{code}"></div>
<div class="field"><label for="password">{password_label}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required></div>
<div class="field"><label for="second">{second_label}</label>
<input id="second" name="second" type="text" inputmode="numeric" autocomplete="one-time-code" spellcheck="false"
 maxlength="20" required aria-describedby="second-hint">
<p class="hint" id="second-hint">{second_hint}</p></div>
<div class="actions"><button type="submit">{go}</button></div>
</form>
"""


async def show(request: Request, browser: Browser) -> HTTPResponse:
    """Ask a member of staff who they are."""
    told = Html("")
    if request.args.get("again"):
        told = notice(say("again", browser.language), bad=False)
    elif request.args.get("signed_out"):
        told = notice(say("signed_out", browser.language), bad=False)
    target = own_path(request.args.get("continue"), otherwise=AFTER_SIGN_IN)
    return _page(browser, target, told=told)


async def check(request: Request, browser: Browser) -> HTTPResponse:
    """Sign a member of staff in."""
    form = read_form(request, browser)
    target = own_path(form.get("continue"), otherwise=AFTER_SIGN_IN)
    try:
        token, _ = await sign_in_staff(
            code=form.get("code", ""),
            password=form.get("password", ""),
            second=form.get("second", ""),
            visit=browser.visit,
            present=browser.session,
        )
    except HospitalError as error:
        told = told_refusal(error, browser.language)
        return set_refusal(_page(browser, target, told=told, code=form.get("code", "")[:20]), error)
    return keep_session(see_other(target), token)


def _page(browser: Browser, target: str, *, told: Html, code: str = "") -> HTTPResponse:
    language = browser.language
    form = html(
        FORM,
        notice=told,
        token=browser.form_field,
        target=target,
        code_label=say("staff_code", language),
        code=code,
        password_label=say("password", language),
        second_label=say("totp", language),
        second_hint=say("totp_hint", language),
        go=say("continue", language),
    )
    passkey = Html("")
    if sign_in().relying_party is not None:
        passkey = html(
            '<div class="else"><a class="button quiet" href="{href}">{text}</a></div>\n',
            href=with_continue("/sign-in/passkey?for=staff", target),
            text=say("use_passkey", language),
        )
    patients = html(
        '<p class="links"><a href="{href}">{text}</a></p>\n',
        href=with_continue("/sign-in", target),
        text=say("patient_link", language),
    )
    return page(say("staff_title", language), join([form, passkey, patients]), language=language)
