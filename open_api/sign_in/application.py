"""The sign-in pages as one piece."""

from typing import Any

from sanic import Sanic

from open_api.pages.layout import mount_assets
from open_api.pages.serving import mount_page
from open_api.sign_in import passkeys, phone, sandbox, sessions, set_up, staff


def mount_sign_in(app: Sanic[Any, Any], *, is_sandbox: bool) -> None:
    """Put the pages into the application; the sandbox's letter box only into a sandbox."""
    mount_assets(app)
    mount_page(app, "GET", "/sign-in", phone.show_phone)
    mount_page(app, "POST", "/sign-in", phone.send)
    mount_page(app, "GET", "/sign-in/code", phone.show_code)
    mount_page(app, "POST", "/sign-in/code", phone.check_code)
    mount_page(app, "GET", "/sign-in/passkey", passkeys.show_sign_in)
    mount_page(app, "POST", "/sign-in/passkey/options", passkeys.begin_sign_in, script=True)
    mount_page(app, "POST", "/sign-in/passkey", passkeys.finish_sign_in, script=True)
    mount_page(app, "GET", "/staff/sign-in", staff.show)
    mount_page(app, "POST", "/staff/sign-in", staff.check)
    invitation = "/staff/set-up/<invitation_id:uuid>"
    mount_page(app, "GET", invitation, set_up.show)
    mount_page(app, "POST", invitation, set_up.open_it)
    mount_page(app, "POST", f"{invitation}/password", set_up.finish)
    mount_page(app, "POST", f"{invitation}/passkey/options", set_up.begin_passkey, script=True)
    mount_page(app, "POST", f"{invitation}/passkey", set_up.finish_passkey, script=True)
    mount_page(app, "POST", "/account/passkeys/options", passkeys.begin_adding, script=True)
    mount_page(app, "POST", "/account/passkeys", passkeys.finish_adding, script=True)
    mount_page(app, "POST", "/account/passkeys/<passkey_id:uuid>/remove", passkeys.remove)
    mount_page(app, "GET", sessions.PAGE, sessions.show_sessions)
    mount_page(app, "POST", f"{sessions.PAGE}/<session_id:uuid>/end", sessions.end_one)
    mount_page(app, "POST", f"{sessions.PAGE}/end-others", sessions.end_others)
    mount_page(app, "POST", "/sign-out", sessions.sign_out)
    if is_sandbox:
        mount_page(app, "GET", "/sandbox/messages", sandbox.show_messages, script=True)
