"""Both sides of the wire as their users see them: the open API of a partner, and the HIS's own window."""

import json
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import httpx

from kernel import clock
from runtime.demo_hospital.people import document_number
from runtime.demo_hospital.places import CAMPUSES, DEPARTMENTS
from tests.platform import COMMAND, Hospital

AGREE_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1

OPEN_TO_ALL = {
    f"{campus.code}{department.code.replace('.', '')}"
    for campus in CAMPUSES
    for department in DEPARTMENTS
    if department.sex is None and department.age_min is None and department.age_max is None
}

Found = TypeVar("Found")


def eventually(what: str, look: Callable[[], Found | None], *, seconds: float = AGREE_SECONDS_MAX) -> Found:
    """Look until there is something to see; what is seen is what counts, the deadline only ends a failure."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"never seen: {what}"
        time.sleep(POLL_SECONDS)
    return found


@dataclass
class OpenApi:
    """A demonstration client of the open API."""

    http: httpx.Client
    client: dict[str, Any]
    staff: str | None = None

    @classmethod
    def of(cls, hospital: Hospital, name: str, *, staff: str | None = None) -> "OpenApi":
        client = hospital.run["demo_clients"][name]
        http = httpx.Client(base_url=hospital.base_url, timeout=30, trust_env=False)
        answer = http.post(
            "/oauth/token",
            data={"grant_type": "client_credentials", "scope": " ".join(client["scopes"])},
            auth=(client["client_id"], client["client_secret"]),
        )
        answer.raise_for_status()
        http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        if staff:
            http.headers["acting-staff"] = staff
        return cls(http, client, staff)

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(f"/open/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.http.post(f"/open/v1{path}", json=body, headers={"idempotency-key": str(uuid.uuid4())})

    def done(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.post(path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def register(self, person: "Person") -> str:
        answer: str = self.done(
            "/patients",
            {"name": person.name, "document": {"type": "CN-ID", "number": person.number}, "phone": person.phone},
        )["id"]
        return answer


@dataclass
class HisWindow:
    """The HIS's REST side, as its clerks and the platform use it."""

    http: httpx.Client

    @classmethod
    def of(cls, hospital: Hospital) -> "HisWindow":
        return cls(
            httpx.Client(
                base_url=hospital.run["his_http_url"],
                headers={"authorization": f"Bearer {hospital.run['his_http_token']}"},
                timeout=30,
                trust_env=False,
            )
        )

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def find(self, *, platform_id: str) -> dict[str, Any] | None:
        try:
            found = self.get("/api/appointments", platform_id=platform_id)["appointments"]
        except httpx.TransportError:
            return None
        return found[0] if found else None

    def appointment(self, his_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/appointments/{his_id}")
        return found

    def book(self, schedule_id: str, patient: dict[str, Any], **more: Any) -> httpx.Response:
        body = {"schedule_id": schedule_id, "patient": patient, "clerk": "W001", **more}
        return self.http.post("/api/window/bookings", json=body)

    def cancel(self, his_id: str) -> httpx.Response:
        return self.http.post(f"/api/window/bookings/{his_id}/cancel", json={"clerk": "W001"})

    def register(self, his_id: str) -> httpx.Response:
        return self.http.post("/api/window/registrations", json={"his_id": his_id, "clerk": "W001"})

    def complete(self, his_id: str) -> httpx.Response:
        return self.http.post(f"/api/station/appointments/{his_id}/complete", json={"clerk": "D0001"})

    def window_schedules(self, day: date) -> list[str]:
        """Schedules of a day with numbers enough for a test, in clinics that everybody may go to."""
        listed = self.get("/api/schedules", date=day.isoformat())["schedules"]
        return [
            one["schedule_id"]
            for one in listed
            if one["status"] == "active" and one["seats"] >= 30 and one["clinic_code"] in OPEN_TO_ALL
        ]


@dataclass(frozen=True)
class Person:
    """Somebody invented, with a document number of the test range."""

    name: str
    number: str
    phone: str

    def at_window(self) -> dict[str, Any]:
        return {"name": self.name, "document_type": "CN-ID", "document_number": self.number, "phone": self.phone}


@dataclass
class People:
    """Gives a new person each time: grown-up, born on days that the demonstration hospital does not use up."""

    count: int = field(default=0)

    def invent(self) -> Person:
        self.count += 1
        serial = uuid.uuid4().int
        born = date(1935, 1, 1) + timedelta(days=serial % 25_000)
        number = document_number(birth_date=born, sequence=1 + serial // 25_000 % 998)
        return Person(f"程{'甲乙丙丁戊己庚辛'[serial % 8]}", number, f"139{serial % 10**8:08d}")


def workday(after_days: int) -> date:
    """A day so far ahead that every channel may book it and no cut-off has passed, on a weekday."""
    day = clock.today() + timedelta(days=after_days)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day


def book(portal: OpenApi, people: People, schedule_id: str, *, place: int = 0) -> dict[str, Any]:
    """Book for a new person in the schedule's open slot of that place."""
    patient_id = portal.register(people.invent())
    slots = [one for one in portal.get("/slots", schedule_id=schedule_id)["items"] if one["available"] > 0]
    done: dict[str, Any] = portal.done("/appointments", {"slot_id": slots[place]["id"], "patient_id": patient_id})
    return done


def at_his(his: HisWindow, appointment_id: str, **wanted: Any) -> dict[str, Any]:
    """Wait until the HIS shows an appointment as wanted."""

    def look() -> dict[str, Any] | None:
        found = his.find(platform_id=appointment_id)
        return found if found and {name: found[name] for name in wanted} == wanted else None

    return eventually(f"{appointment_id} with {wanted} at the HIS", look)


def at_platform(slot_office: OpenApi, appointment_id: str, **wanted: Any) -> dict[str, Any]:
    """Wait until the platform shows an appointment as wanted."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = slot_office.get(f"/appointments/{appointment_id}")
        return found if {name: found[name] for name in wanted} == wanted else None

    return eventually(f"{appointment_id} with {wanted} at the platform", look)


def sell_at_window(his: HisWindow, people: People, schedule_id: str, **more: Any) -> dict[str, Any]:
    """Sell a number at the HIS's window to a new person."""
    answer = his.book(schedule_id, people.invent().at_window(), **more)
    assert answer.status_code == 201, answer.text
    sold: dict[str, Any] = answer.json()
    return sold


def linked(his: HisWindow, his_id: str) -> str:
    """Wait until the HIS knows under which id the platform has a number that the window sold."""
    found: str = eventually(f"{his_id} linked", lambda: his.appointment(his_id)["platform_id"])
    return found


def reconcile(hospital: Hospital, day: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Compare a day of both sides; give the exit status and the reports."""
    done = subprocess.run(
        [COMMAND, "his", "reconcile", "--data", str(hospital.data), "--date", day, "--json", *options],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout, done.stderr
    reports: list[dict[str, Any]] = json.loads(done.stdout)["reports"]
    return done.returncode, reports
