"""Signing in with a passkey, and adding or removing one's own. The only pages that need a script."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from oauth.sign_in import passkeys
from oauth.sign_in.errors import MethodNotOffered, SignInRefused
from oauth.sign_in.sessions import Session, require_step_up
from oauth.sign_in.setup import sign_in
from open_api.pages.browser import (
    Browser,
    keep_session,
    own_path,
    read_form,
    read_script_call,
    see_other,
)
from open_api.pages.html import Html, html, join
from open_api.pages.layout import page
from open_api.pages.serving import script_answer
from open_api.sign_in.addresses import AFTER_SIGN_IN, with_continue
from open_api.sign_in.words import say

# Whoever finds a browser signed in cannot add a key of their own to it.
FRESH: Final = timedelta(minutes=10)
BUTTON: Final = """<p class="notice bad" role="alert" id="{id}" hidden></p>
<noscript><p class="hint">{no_script}</p></noscript>
<div class="actions"><button type="button" class="{look}" disabled data-passkey="{what}" data-address="{address}"
 data-token="{token}" data-target="{target}" data-notice="{id}" data-failed="{failed}"
 data-unsupported="{unsupported}">{text}</button></div>
"""


async def show_sign_in(request: Request, browser: Browser) -> HTTPResponse:
    """Ask for a passkey."""
    if sign_in().relying_party is None:
        raise MethodNotOffered
    language = browser.language
    target = own_path(request.args.get("continue"), otherwise=AFTER_SIGN_IN)
    is_staff = request.args.get("for") == "staff"
    other = "/staff/sign-in" if is_staff else "/sign-in"
    body = join(
        [
            html('<p class="lead">{lead}</p>', lead=say("passkey_lead", language)),
            passkey_button(browser, "get", "/sign-in/passkey", word="passkey_go", target=target),
            html(
                '<div class="else"><a class="button quiet" href="{href}">{text}</a></div>\n',
                href=with_continue(other, target),
                text=say("use_password" if is_staff else "use_phone", language),
            ),
        ]
    )
    return page(say("passkey_title", language), body, language=language, scripts=["passkey.js"])


async def begin_sign_in(request: Request, browser: Browser) -> HTTPResponse:
    """Give a challenge."""
    read_script_call(request, browser)
    return _ceremony(await passkeys.begin_sign_in(browser.visit))


async def finish_sign_in(request: Request, browser: Browser) -> HTTPResponse:
    """Sign in with the device's answer."""
    body = read_script_call(request, browser)
    ceremony_id = passkeys.read_ceremony_id(body.get("ceremony"))
    token, _ = await passkeys.sign_in_by_passkey(ceremony_id, answer_of(body), browser.visit, present=browser.session)
    target = body.get("continue")
    going_on = own_path(target if isinstance(target, str) else None, otherwise=AFTER_SIGN_IN)
    return keep_session(script_answer({"continue": going_on}), token)


async def begin_adding(request: Request, browser: Browser) -> HTTPResponse:
    """Give a challenge for a new passkey of one's own."""
    session = _fresh_session(browser)
    read_script_call(request, browser)
    label = _label(session)
    return _ceremony(await passkeys.begin_registration(session.subject, label=label, visit=browser.visit))


async def finish_adding(request: Request, browser: Browser) -> HTTPResponse:
    """Keep a new passkey of one's own."""
    session = _fresh_session(browser)
    body = read_script_call(request, browser)
    await passkeys.add_passkey(
        passkeys.read_ceremony_id(body.get("ceremony")), answer_of(body), subject=session.subject, visit=browser.visit
    )
    return script_answer({"continue": "/account/sessions?done=passkey_is_there"})


async def remove(request: Request, browser: Browser, passkey_id: UUID) -> HTTPResponse:
    """Remove a passkey of one's own."""
    session = _fresh_session(browser)
    read_form(request, browser)
    await passkeys.remove_passkey(passkey_id, subject=session.subject, visit=browser.visit)
    return see_other("/account/sessions?done=passkey_removed")


def passkey_button(browser: Browser, what: str, address: str, *, word: str, target: str = "", look: str = "") -> Html:
    """Give the button that starts a ceremony, and what it says when that does not come to its end."""
    language = browser.language
    return html(
        BUTTON,
        id=f"passkey-{what}",
        no_script=say("passkey_no_script", language),
        look=look,
        what=what,
        address=address,
        token=browser.form_token,
        target=target,
        failed=say("passkey_failed", language),
        unsupported=say("passkey_unsupported", language),
        text=say(word, language),
    )


def answer_of(body: dict[str, Any]) -> dict[str, Any]:
    """Read the device's answer.

    Raises:
        SignInRefused: it is none.
    """
    answer = body.get("answer")
    if not isinstance(answer, dict):
        raise SignInRefused
    return answer


def _fresh_session(browser: Browser) -> Session:
    session = browser.require_session()
    require_step_up(session, acr=session.acr if session.subject.kind == "account" else "aal2", max_age=FRESH)
    return session


def _label(session: Session) -> str:
    """Give what the device shows the passkey under: nothing that tells a stranger who it is."""
    return "员工 Staff" if session.subject.kind == "staff" else "患者 Patient"


def _ceremony(ceremony: passkeys.Ceremony) -> HTTPResponse:
    return script_answer({"id": str(ceremony.id), "options": ceremony.options})
