"""An account that is signed in at a browser: what it books through the API, its pages show."""

from urllib.parse import urlsplit

from patient_app.cookie import REFRESH_PATH
from patient_app.routing import PREFIX
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.patient_pages import App, remember_session


async def browser_phone(api: OpenApi) -> Phone:
    """Sign in as a browser does; its refresh token is what the cookie says, good for one page."""
    phone = Phone(api.http, transport="cookie")
    answer = await phone.sign_in()
    phone.refresh_token = answer.headers["set-cookie"].partition(";")[0]
    api.http.cookies.clear()
    return phone


async def enter(app: App, phone: Phone) -> None:
    """Let a page go on with a phone's session, as after a reload."""
    assert phone.refresh_token is not None
    name, _, value = phone.refresh_token.partition("=")
    host = urlsplit(app.base_url).hostname
    assert host is not None
    await app.page.context.add_cookies(
        [{"name": name, "value": value, "domain": host, "path": PREFIX + REFRESH_PATH, "httpOnly": True}]
    )
    await app.page.context.add_init_script(remember_session(phone.session_id))
