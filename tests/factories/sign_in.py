"""A browser without a screen: it keeps cookies, follows our pages and posts their forms."""

import itertools
import re
from html import unescape
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

PHONES = itertools.count(13900000000)
_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_NAME = re.compile(r'name="([^"]*)"')
_VALUE = re.compile(r'value="([^"]*)"')
_FORM = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)


class Visitor:
    """Somebody at a browser."""

    def __init__(self, base_url: str, **headers: str) -> None:
        self.base_url = base_url
        self.http = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30)
        self.page: httpx.Response | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    @property
    def session(self) -> str | None:
        """The session's cookie."""
        return self.http.cookies.get("sandbox-session")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page, following where it leads."""
        self.page = await self.http.get(path, headers=headers, follow_redirects=True)
        return self.page

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the form that leads to an action."""
        assert self.page is not None
        for found, body in _FORM.findall(self.page.text):
            if unescape(found) == action:
                return {
                    _NAME.search(field)[1]: unescape(_VALUE.search(field)[1])  # type: ignore[index]  # each has both
                    for field in _FIELD.findall(body)
                }
        raise AssertionError(f"no form leads to {action}:\n{self.page.text}")

    async def post(self, action: str, *, follow: bool = True, origin: str | None = "", **fields: str) -> httpx.Response:
        """Fill in a form of the present page and send it, as a browser would."""
        form = self.hidden(action) | fields
        headers = {} if origin is None else {"origin": origin or self.base_url}
        answer = await self.http.post(action, data=form, headers=headers, follow_redirects=follow)
        if answer.status_code != 303:
            self.page = answer
        return answer

    async def messages(self, phone: str) -> list[dict[str, Any]]:
        """What the sandbox has kept for a number."""
        answer = await self.http.get("/sandbox/messages", params={"phone": phone})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def code_for(self, phone: str) -> str:
        """The last code that was sent to a number."""
        found = re.search(r"[0-9]{6}", (await self.messages(phone))[0]["text"])
        assert found is not None
        return found[0]

    async def ask_for_code(self, phone: str, *, target: str | None = None) -> str:
        """Ask for a code, and give it."""
        await self.get("/sign-in" if target is None else f"/sign-in?continue={target}")
        answer = await self.post("/sign-in", phone=phone)
        assert answer.status_code == 200, answer.text
        assert urlsplit(str(answer.url)).path == "/sign-in/code"
        return await self.code_for(phone)

    async def sign_in(self, phone: str) -> httpx.Response:
        """Sign in with a code."""
        code = await self.ask_for_code(phone)
        answer = await self.post("/sign-in/code", code=code)
        assert answer.status_code == 200, answer.text
        return answer


def new_phone() -> str:
    """A number that no other test has."""
    return str(next(PHONES))


def sent_id(page: httpx.Response) -> str:
    """What the page with the code's form is named by."""
    return parse_qs(urlsplit(str(page.url)).query)["sent"][0]
