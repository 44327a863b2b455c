"""Developers at the portal: signed in, signed up, with applications."""

import re
from html import unescape
from typing import Any, Final
from urllib.parse import urlsplit

from tests.factories.sign_in import Visitor, new_phone

SERVICE: Final = {
    "name": "晨星预约助手",
    "purpose": "为社区居民预约挂号",
    "application_type": "service",
    "auth_method": "client_secret_basic",
    "redirect_uris": "",
    "jwks": "",
    "scope:catalogue.read": "yes",
    "scope:webhooks.manage": "yes",
}


class DeveloperAtBrowser(Visitor):
    """A developer at a browser."""

    phone: str = ""

    async def arrive(self) -> "DeveloperAtBrowser":
        """Sign in with a number of one's own."""
        self.phone = new_phone()
        await self.sign_in(self.phone)
        return self

    async def sign_up(self, organisation: str = "晨星科技有限公司") -> "DeveloperAtBrowser":
        """Sign in, and sign up for an organisation."""
        await self.arrive()
        await self.get("/developer")
        answer = await self.post(
            "/developer/sign-up",
            organisation=organisation,
            contact_name="李工",
            email="li@partner.example",
            terms="yes",
        )
        assert answer.status_code == 200, answer.text
        return self

    async def make(self, **fields: str) -> dict[str, Any]:
        """Make an application; gives its id, and its client and secret where they are shown."""
        await self.get("/developer/applications/new")
        application_id = self.hidden("/developer/applications/new")["application_id"]
        wanted: dict[str, Any] = {**SERVICE, **fields}
        answer = await self.post("/developer/applications/new", **wanted)
        assert answer.status_code == 200, answer.text
        page = await self.http.get(f"/developer/applications/{application_id}")
        client = re.search(r"<code>(app-[0-9a-f]+)</code>", page.text)
        return {
            "id": application_id,
            "client_id": client and client[1],
            "secret": secret_on(answer.text),
        }

    @property
    def path(self) -> str:
        """Where the browser stands."""
        assert self.page is not None
        return urlsplit(str(self.page.url)).path

    def says(self, text: str) -> bool:
        """Tell whether the present page says something."""
        assert self.page is not None
        return text in unescape(self.page.text)


def secret_on(page: str) -> str | None:
    """Find the secret that a page shows, if it shows one."""
    found = re.search(r'id="client-secret"[^>]*>([^<]+)<', page)
    return found and found[1]
