"""Client applications that call the real server: a partner, a kiosk and the slot office, each with a token."""

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

import httpx

from booking.fairness.noshows import mark_noshows
from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from oauth.clients import secret_hash
from open_api.routing import Route
from runtime.demo_hospital.people import document_number
from tests.factories.booking import HospitalUnderTest
from tests.factories.paying import ChannelBeside
from tests.server import WebServer

BOOKING_SCOPES = (
    "catalogue.read",
    "slots.read",
    "patients.read",
    "patients.write",
    "appointments.read",
    "appointments.write",
    "waitlist.read",
    "waitlist.write",
    "checkin.write",
    "queue.read",
    "payments.read",
    "payments.write",
    "refunds.write",
    "webhooks.manage",
    "sandbox.manage",
)
OFFICE_SCOPES = (
    *BOOKING_SCOPES,
    "administration.read",
    "administration.write",
    "staff.read",
    "staff.write",
    "cashier.write",
    "finance.read",
    "finance.write",
    "feedback.read",
    "feedback.write",
)
PREFIX = "/open/v1"
LOOKS_MAX = 400

_people = itertools.count(1)


@dataclass
class Caller:
    """One client application with its token, and the member of staff it names if it is an internal one."""

    http: httpx.AsyncClient
    client_id: str
    secret: str
    kind: Literal["partner", "internal"]
    channel: str
    token: str
    staff_code: str | None = None

    def headers(self, *, key: str | None = None, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The headers that this application sends."""
        found = {"authorization": f"Bearer {self.token}"}
        if self.staff_code:
            found["acting-staff"] = self.staff_code
        if key:
            found["idempotency-key"] = key
        return found | dict(more or {})

    async def get(
        self, path: str, *, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Read something below /open/v1."""
        return await self.http.get(PREFIX + path, params=params, headers=self.headers(more=headers))

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Change something below /open/v1; without a body none is sent."""
        content = {} if body is None else {"json": body}
        return await self.http.request(method, PREFIX + path, headers=self.headers(key=key, more=headers), **content)

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST below /open/v1."""
        return await self.send("POST", path, body=body, key=key, headers=headers)


@dataclass
class OpenApi:
    """The running server with a small hospital behind it, and who may call it.

    Every test has clients and staff of its own names, so that nothing the server remembers for a second is theirs.
    """

    server: WebServer
    http: httpx.AsyncClient
    db: Database
    hospital: HospitalUnderTest
    channel: ChannelBeside
    portal: Caller = field(init=False)
    kiosk: Caller = field(init=False)
    office: Caller = field(init=False)

    async def build(self) -> "OpenApi":
        """Write the hospital's master data and let the three usual applications in."""
        await self.hospital.build()
        await self.db.execute("INSERT INTO channel VALUES ('window', '窗口', 'Window') ON CONFLICT DO NOTHING")
        self.portal = await self.client()
        self.kiosk = await self.client("internal", channel="kiosk")
        self.office = await self.client("internal", channel="window", scopes=OFFICE_SCOPES)
        return self

    async def client(
        self,
        kind: Literal["partner", "internal"] = "partner",
        *,
        channel: str = "portal",
        scopes: Sequence[str] = BOOKING_SCOPES,
    ) -> Caller:
        """Register one more application, with a member of staff if it is internal, and give it a token."""
        client_id, secret = f"test-{secrets.token_hex(6)}", secrets.token_hex(16)
        await self.db.execute(
            "WITH made AS (INSERT INTO oauth_client (id, name, kind, channel, scopes)"
            " VALUES ($1, 'a test', $2, $3, $4) RETURNING id)"
            " INSERT INTO oauth_client_secret (client_id, hash) SELECT id, $5 FROM made",
            client_id,
            kind,
            channel,
            list(scopes),
            secret_hash(client_id, secret),
        )
        staff_code = await self.staff() if kind == "internal" else None
        token = await self.token(client_id, secret)
        return Caller(self.http, client_id, secret, kind, channel, token, staff_code)

    async def client_for(self, route: Route) -> Caller:
        """Register an application that may do this one thing."""
        if route.staff_only:
            return await self.client("internal", channel="window", scopes=[route.scope])
        return await self.client(scopes=[route.scope])

    async def staff(self) -> str:
        """Employ somebody."""
        code = f"S{secrets.randbelow(10**9):09d}"
        await self.db.execute("INSERT INTO staff (id, code, name) VALUES ($1, $2, 'n')", new_id(), code)
        return code

    async def token(self, client_id: str, secret: str, scope: str | None = None) -> str:
        """Get an access token by client_credentials."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        answer = await self.http.post("/oauth/token", data=form, auth=(client_id, secret))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    async def patient(
        self, caller: Caller | None = None, *, sex: int = 1, born: date = date(1980, 5, 17), name: str = "陈大文"
    ) -> UUID:
        """Register a person by real name through the API, for the portal unless another caller is given."""
        answer = await (caller or self.portal).post("/patients", registration(sex=sex, born=born, name=name))
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def book(self, slot: UUID, patient: UUID, caller: Caller | None = None) -> UUID:
        """Book through the API, for the portal unless another caller is given."""
        body = {"slot_id": str(slot), "patient_id": str(patient)}
        answer = await (caller or self.portal).post("/appointments", body)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def hold(self, slot: UUID, patient: UUID, caller: Caller | None = None) -> UUID:
        """Hold a seat through the API, for the portal unless another caller is given."""
        body = {"slot_id": str(slot), "patient_id": str(patient)}
        answer = await (caller or self.portal).post("/holds", body)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def miss_visit(self, patient: UUID, caller: Caller | None = None, *, in_days: int = 2) -> UUID:
        """Book a number some days ahead, let those days pass without a visit, and count: the HIS knows the number."""
        schedule = await self.hospital.schedule(seats=1, starts_in=timedelta(days=in_days))
        appointment = await self.book(schedule.slots[0], patient, caller)
        await self.db.execute("UPDATE appointment SET his_status = 'confirmed' WHERE id = $1", appointment)
        with clock.frozen(schedule.starts_at + timedelta(hours=3)):
            assert await mark_noshows() == 1
        return appointment

    async def fingerprint(self) -> dict[str, tuple[int, str | None]]:
        """Count and hash the rows of every table but the logs of requests, to see whether anything was changed."""
        tables = await self.db.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'request_record%'"
            " AND tablename NOT IN ('patient_access_log', 'payment_notification_refusal') ORDER BY tablename"
        )
        found = {}
        for (table,) in tables:
            row = await self.db.fetchrow(
                f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {table} t"
            )
            assert row is not None
            found[table] = (row[0], row[1])
        return found

    async def rule(self, **values: int) -> None:
        """Give the hospital's clinic a booking rule of its own, such as `daily_limit=1`."""
        await self.db.execute("DELETE FROM booking_rule WHERE clinic_id = $1", self.hospital.clinic_id)
        names, places = ", ".join(values), ", ".join(f"${n}" for n, _ in enumerate(values, 3))
        await self.db.execute(
            f"INSERT INTO booking_rule (id, clinic_id, {names}) VALUES ($1, $2, {places})",
            new_id(),
            self.hospital.clinic_id,
            *values.values(),
        )


async def eventually(ask: Callable[[], Awaitable[httpx.Response]], status: int) -> httpx.Response:
    """Ask until the answer has a status; what a process remembers, it remembers for a second."""
    for _ in range(LOOKS_MAX):
        answer = await ask()
        if answer.status_code == status:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {status}: {answer.status_code} {answer.text}")


def registration(*, sex: int = 1, born: date = date(1980, 5, 17), name: str = "陈大文") -> dict[str, Any]:
    """A registration of somebody new, with a valid number of the test range."""
    number = next(_people)
    day = date.fromordinal(born.toordinal() + number // 499)
    sequence = number % 499 * 2 + (1 if sex == 1 else 2)
    return {"name": name, "document": {"type": "CN-ID", "number": document_number(birth_date=day, sequence=sequence)}}
