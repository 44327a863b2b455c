"""The browser's refresh token: a cookie that only our own pages can use, on one path, and that no script can read.

It is HttpOnly and SameSite=Strict, its path is that of the one route which reads it, and that route asks where the
request came from: no other site can make a browser refresh, and a refresh alone tells that site nothing.
"""

from typing import Final

from sanic import Request

from oauth.sign_in.app_sessions import Tokens
from oauth.sign_in.sessions import APP_IDLE
from oauth.sign_in.setup import sign_in
from patient_app.calls import RefreshCookie
from patient_app.routing import PREFIX

REFRESH_PATH: Final = "/sessions/refresh"


def read_cookie(request: Request) -> RefreshCookie:
    """Read the refresh token of a browser, if a page of our own sends it."""
    values = request.cookies.getlist(cookie_name(), [])
    is_usable = len(values) == 1 and _is_from_own_page(request)
    return RefreshCookie(values[0] if is_usable else None)


def keep_cookie(tokens: Tokens) -> dict[str, str]:
    """Give the header that lets a browser keep its next refresh token."""
    return {"set-cookie": f"{_cookie(tokens.refresh_token)}; Max-Age={int(APP_IDLE.total_seconds())}"}


def drop_cookie() -> dict[str, str]:
    """Give the header that takes a browser's refresh token back."""
    return {"set-cookie": f"{_cookie('')}; Max-Age=0"}


def cookie_name() -> str:
    """Name the cookie; browsers take the prefix over https alone."""
    return "__Secure-app-refresh" if sign_in().secure else "sandbox-app-refresh"


def _cookie(value: str) -> str:
    secure = "; Secure" if sign_in().secure else ""
    return f"{cookie_name()}={value}; Path={PREFIX}{REFRESH_PATH}; HttpOnly; SameSite=Strict{secure}"


def _is_from_own_page(request: Request) -> bool:
    # Every browser names the origin of a POST.
    origin: str | None = request.headers.get("origin")
    return origin == sign_in().origin
