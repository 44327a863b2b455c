"""The sign-in pages as one piece."""

from typing import Any

from sanic import Sanic

from open_api.pages.layout import mount_assets
from open_api.pages.serving import mount_page
from open_api.sign_in import phone, sandbox, sessions


def mount_sign_in(app: Sanic[Any, Any], *, is_sandbox: bool) -> None:
    """Put the pages into the application; the sandbox's letter box only into a sandbox."""
    mount_assets(app)
    mount_page(app, "GET", "/sign-in", phone.show_phone)
    mount_page(app, "POST", "/sign-in", phone.send)
    mount_page(app, "GET", "/sign-in/code", phone.show_code)
    mount_page(app, "POST", "/sign-in/code", phone.check_code)
    mount_page(app, "GET", sessions.PAGE, sessions.show_sessions)
    mount_page(app, "POST", f"{sessions.PAGE}/<session_id:uuid>/end", sessions.end_one)
    mount_page(app, "POST", f"{sessions.PAGE}/end-others", sessions.end_others)
    mount_page(app, "POST", "/sign-out", sessions.sign_out)
    if is_sandbox:
        mount_page(app, "GET", "/sandbox/messages", sandbox.show_messages, script=True)
