"""The browser that asks: its cookies, who is signed in at it, and whether a form really comes from our own page.

Over https the cookies are `__Host-session` and `__Host-visit`: Secure, of this host alone, for every path. The
sandbox on http has `sandbox-session` and `sandbox-visit`, for browsers refuse the prefix without https.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from kernel.crypto import cipher
from oauth.sign_in.errors import FormOutdated, NotSignedIn
from oauth.sign_in.sessions import Session, find_session
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import SubjectKind, Visit
from open_api.guard import language_of, request_id_of
from open_api.pages.devices import describe_device
from open_api.pages.html import Html, html

FORM_FIELD: Final = "form_token"
FORM_HEADER: Final = "x-form-token"
FIELDS_MAX: Final = 40
FIELD_CHARACTERS_MAX: Final = 8_000
VISIT_BYTES: Final = 32
CONTINUE_CHARACTERS_MAX: Final = 6_000
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# A path of our own: one slash, then nothing that a browser could take for a host, a line's end or a backslash.
_OWN_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)


@dataclass(slots=True)
class Browser:
    """A browser as it came. session: of whoever is signed in at it; both tokens are the cookies' values."""

    visit: Visit
    session: Session | None
    session_token: str | None
    is_new: bool

    @property
    def language(self) -> str:
        """The language of its pages: zh or en."""
        return self.visit.language

    @property
    def form_token(self) -> str:
        """What a form of this browser and session carries; another's is refused."""
        seal = cipher().lookup_hash(f"form\n{self.visit.token}\n{self.session_token or ''}")
        return urlsafe_b64encode(seal).decode().rstrip("=")

    @property
    def form_field(self) -> Html:
        """The hidden field that every form has."""
        return html('<input type="hidden" name="{name}" value="{token}">', name=FORM_FIELD, token=self.form_token)

    def require_session(self, kind: SubjectKind | None = None) -> Session:
        """Give the session.

        Raises:
            NotSignedIn: there is none, or it is of the other kind of subject.
        """
        if self.session is None or (kind is not None and self.session.subject.kind != kind):
            raise NotSignedIn
        return self.session


async def read_browser(request: Request) -> Browser:
    """Read a browser's cookies and find its session.

    Raises:
        DatabaseUnavailable.
    """
    visit_token = _cookie(request, visit_cookie())
    session_token = _cookie(request, session_cookie())
    session = await find_session(session_token)
    visit = Visit(
        token=visit_token or secrets.token_urlsafe(VISIT_BYTES),
        address=address_of_caller(request),
        device=describe_device(request.headers.get("user-agent", "")),
        request_id=request_id_of(request),
        language=language_of(request),
    )
    return Browser(visit, session, session_token if session else None, visit_token is None)


def read_form(request: Request, browser: Browser, *, fields_max: int = FIELDS_MAX) -> dict[str, str]:
    """Give a form's fields, once it is certain that our own page for this browser and session posted it.

    fields_max: how many the page can have.

    Raises:
        FormOutdated: or it is malformed, as no page of ours is.
    """
    _require_own_origin(request)
    if _content_type(request) != "application/x-www-form-urlencoded":
        raise FormOutdated
    form: dict[str, list[str]] = request.get_form(keep_blank_values=True) or {}
    if len(form) > fields_max:
        raise FormOutdated
    fields: dict[str, str] = {}
    for name, values in form.items():
        if len(values) != 1 or len(values[0]) > FIELD_CHARACTERS_MAX or "\x00" in values[0]:
            raise FormOutdated
        fields[name] = values[0]
    _require_form_token(fields.pop(FORM_FIELD, ""), browser)
    return fields


def read_script_call(request: Request, browser: Browser) -> dict[str, Any]:
    """Give what our own script posted, under the same conditions as a form.

    Raises:
        FormOutdated: or it is malformed, as no page of ours is.
    """
    _require_own_origin(request)
    if _content_type(request) != "application/json":
        raise FormOutdated
    _require_form_token(request.headers.get(FORM_HEADER, ""), browser)
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise FormOutdated from error
    if not isinstance(body, dict):
        raise FormOutdated
    return body


def own_path(text: str | None, *, otherwise: str) -> str:
    """Give where to go on: a path of ours, never another's address."""
    if text and len(text) <= CONTINUE_CHARACTERS_MAX and _OWN_PATH.fullmatch(text):
        return text
    return otherwise


def see_other(path: str) -> HTTPResponse:
    """Lead the browser on to one of our own pages by GET."""
    headers = {"location": path, "cache-control": "no-store", "referrer-policy": "same-origin"}
    return HTTPResponse(b"", 303, headers)


def keep_visit(response: HTTPResponse, browser: Browser) -> HTTPResponse:
    """Let a browser that has come for the first time be known again."""
    if browser.is_new:
        _set_cookie(response, visit_cookie(), browser.visit.token)
    return response


def keep_session(response: HTTPResponse, token: str) -> HTTPResponse:
    """Give the browser its new session; it ends with the browser, or by our own rules before."""
    _set_cookie(response, session_cookie(), token)
    return response


def forget_session(response: HTTPResponse) -> HTTPResponse:
    """Take the session's cookie back."""
    _set_cookie(response, session_cookie(), "", more="; Max-Age=0")
    return response


def session_cookie() -> str:
    """Name the cookie of a session."""
    return "__Host-session" if sign_in().secure else "sandbox-session"


def visit_cookie() -> str:
    """Name the cookie of a browser."""
    return "__Host-visit" if sign_in().secure else "sandbox-visit"


def address_of_caller(request: Request) -> str:
    """Give the address a request came from: as our own proxies tell it (`PROXIES_COUNT`), else the connection's."""
    return str(request.remote_addr or request.ip).strip("[]")


def _cookie(request: Request, name: str) -> str | None:
    values = request.cookies.getlist(name, [])
    return values[0] if len(values) == 1 and _TOKEN.fullmatch(values[0]) else None


def _set_cookie(response: HTTPResponse, name: str, value: str, *, more: str = "") -> None:
    secure = "; Secure" if sign_in().secure else ""
    response.headers.add("set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _require_own_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None:
        if origin != sign_in().origin:
            raise FormOutdated
    elif request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise FormOutdated


def _require_form_token(given: str, browser: Browser) -> None:
    if browser.is_new or not given.isascii() or not hmac.compare_digest(given, browser.form_token):
        raise FormOutdated
