"""An application of somebody else asks on the hospital's own page, is allowed, seen, and shut out again by the person.

Application, page and app speak with the running platform as they would; none of them knows of the others.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from runtime.demo_hospital.access import DEMO_PHONES, invent_families
from tests.factories.account_pages import agree_in_dialogue
from tests.factories.grants import challenge_of
from tests.factories.journeys import in_all_hands, sign_up
from tests.factories.money_audit import database_of
from tests.factories.patient_pages import USUAL, App, open_app
from tests.factories.sign_in import Visitor
from tests.platform import Hospital, command

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

NAME = "健康助手"
SCOPES = ("patient/Patient.rs", "patient/Appointment.rs")
ASKED = ("openid", "launch/patient", "offline_access", *SCOPES)


@dataclass
class Application:
    """Somebody else's application on a person's own device: registered by the hospital, without a secret."""

    hospital: Hospital
    client_id: str
    http: httpx.AsyncClient
    redirect_uri: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    answered: "asyncio.Future[dict[str, str]]" = field(default_factory=asyncio.Future)
    access_token: str = ""
    refresh_token: str = ""

    @classmethod
    @asynccontextmanager
    async def of(cls, hospital: Hospital) -> AsyncIterator["Application"]:
        """Register it, and listen on the device for where people come back to."""
        client_id = f"health-helper-{uuid.uuid4().hex[:8]}"
        command(
            hospital.data, "access", "client", client_id, "--name", NAME, "--kind", "partner", "--channel",
            "health_helper", "--type", "native", "--auth-method", "none", "--profile", "smart",
            "--redirect-uri", "http://127.0.0.1/callback",
            *(part for scope in SCOPES for part in ("--scope", scope)),
        )  # fmt: skip
        async with httpx.AsyncClient(base_url=hospital.base_url, timeout=30, trust_env=False) as http:
            own = cls(hospital, client_id, http)
            server = await asyncio.start_server(own._come_back, "127.0.0.1", 0)
            async with server:
                own.redirect_uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback"
                yield own

    @property
    def begin(self) -> str:
        """Where it leads a person's browser."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(ASKED),
            "state": self.state,
            "aud": f"{self.hospital.base_url}/fhir",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.hospital.base_url}/oauth/authorize?{urlencode(query)}"

    async def _come_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode()
        target = urlsplit(line.split(" ")[1])
        if target.path == "/callback" and not self.answered.done():
            self.answered.set_result(dict(parse_qsl(target.query)))
        page = f"<title>{NAME}</title>".encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(page)}\r\n"
        writer.write(head.encode() + b"connection: close\r\n\r\n" + page)
        await writer.drain()
        writer.close()

    async def redeem(self) -> dict[str, str]:
        """Change the code that came back for tokens; gives the token's answer."""
        async with asyncio.timeout(60):
            told = await self.answered
        assert (told["state"], told["iss"]) == (self.state, self.hospital.base_url)
        form = {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": self.redirect_uri}
        return await self._tokens(form | {"code_verifier": self.verifier})

    async def _tokens(self, form: dict[str, str]) -> dict[str, str]:
        answer = await self.http.post("/oauth/token", data=form | {"client_id": self.client_id})
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        self.access_token = found["access_token"]
        self.refresh_token = found["refresh_token"]
        return found

    async def read(self, patient_id: str) -> httpx.Response:
        """Read who a patient is."""
        bearer = {"authorization": f"Bearer {self.access_token}"}
        return await self.http.get(f"/fhir/Patient/{patient_id}", headers=bearer)

    async def refresh(self) -> httpx.Response:
        """Ask for another token."""
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token, "client_id": self.client_id}
        return await self.http.post("/oauth/token", data=form)


async def allow(page: Page, application: Application, phone: str) -> None:
    """Sign in on the hospital's page, to which the application led, and allow it what it asks for."""
    await page.goto(application.begin)
    await page.get_by_label("手机号码").fill(phone)
    await page.get_by_role("button", name="获取验证码").click()
    async with Visitor(application.hospital.base_url) as reader:
        await page.get_by_label("6位验证码").fill(await reader.code_for(phone))
    await page.get_by_role("button", name="登录", exact=True).click()
    await expect(page.get_by_role("heading", name="授权确认")).to_be_visible()
    await expect(page.locator("form")).to_contain_text("查看预约挂号记录")


async def see_and_withdraw(app: App, application: Application, name: str) -> None:
    """See in the app who may use what, and who did; take it back."""
    await app.tap("to-accesses")
    await app.settled("accesses")
    await expect(app.part("access").first).to_contain_text(NAME)
    await expect(app.part("access").first).to_contain_text("查看基本信息")
    await in_all_hands(app, "accesses", "journey-accesses")
    await app.open("pages/mine/mine")
    await app.tap("to-consents")
    await app.settled("consents")
    card = app.page.locator('[data-testid^="consent-"]:visible', has_text=NAME)
    await expect(card).to_contain_text(name)
    await expect(card).to_contain_text("查看预约挂号记录")
    await in_all_hands(app, "consents", "journey-consents")
    await card.locator('[data-testid^="withdraw-"]').click()
    await app.picture("journey-withdraw-question")
    await agree_in_dialogue(app)
    await expect(app.part("consents-ended")).to_contain_text(NAME)
    await in_all_hands(app, "consents", "journey-consents-withdrawn")


async def test_what_somebody_allowed_an_application_they_see_and_take_back(
    browser: Browser, hospital_running: Hospital
) -> None:
    phone, (own, _) = DEMO_PHONES[0], invent_families()[0]
    async with Application.of(hospital_running) as application:
        led_back = urlsplit(application.redirect_uri)._replace(path="", query="").geturl()
        async with open_app(browser, hospital_running.base_url, USUAL, cashiers=[led_back]) as app:
            await allow(app.page, application, phone)
            await app.picture("journey-oauth-consent")
            await app.page.get_by_role("button", name="同意授权").click()
            await expect(app.page).to_have_title(NAME)
            patient_id = (await application.redeem())["patient"]
            read = await application.read(patient_id)
            assert (read.status_code, read.json()["name"][0]["text"]) == (200, own[0].name)
            # As if the minute between two messages were over.
            async with database_of(hospital_running) as db:
                await db.execute("DELETE FROM sign_in_throttle")
            await sign_up(app, phone)
            await see_and_withdraw(app, application, own[0].name)
        assert (await application.read(patient_id)).status_code == 401
        refused = await application.refresh()
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
