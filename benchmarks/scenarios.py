"""What is asked of the web process in each measurement, rendered before the clock starts."""

import base64
import http.client
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks import hospital_data
from benchmarks.hospital_data import BenchHospital
from benchmarks.load import LoadError, Outcome, render_request, run_load

# More than any machine at hand answers; a segment that runs out of requests says so.
REQUESTS_PER_SECOND_MAX = 16_000
REFUSALS_PREPARED = 20_000
SCATTER = 999_983  # a prime: consecutive requests name patients far apart
TOKEN_SECONDS_MAX = 30


class ScenarioError(Exception):
    """The web process answered what no caller should get; its figures would mean nothing."""


@dataclass(frozen=True)
class Client:
    """The partner that asks: where, as whom, and how many at a time."""

    address: tuple[str, int]
    secret: str
    connections: int
    with_keys: bool  # an Idempotency-Key with each booking, as partners are told to send

    @property
    def host(self) -> str:
        """The Host header."""
        return f"{self.address[0]}:{self.address[1]}"

    def token(self) -> str:
        """A fresh access token by client credentials (RFC 6749 section 4.4).

        Raises:
            ScenarioError: the token endpoint refuses.
        """
        connection = http.client.HTTPConnection(*self.address, timeout=TOKEN_SECONDS_MAX)
        basic = base64.b64encode(f"{hospital_data.CLIENT}:{self.secret}".encode()).decode()
        form = urlencode({"grant_type": "client_credentials"})
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request("POST", "/oauth/token", body=form, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise ScenarioError(f"POST /oauth/token: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise ScenarioError(f"POST /oauth/token: {answer.status} {body[:500]!r}")
        return str(json.loads(body)["access_token"])

    def booking(self, token: str, *, slot: str, patient: str) -> bytes:
        """One request for a number."""
        headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
        if self.with_keys:
            headers.append(("Idempotency-Key", str(uuid.UUID(int=random.getrandbits(128), version=4))))
        body = b'{"slot_id":"%s","patient_id":"%s"}' % (slot.encode(), patient.encode())
        return render_request("POST", "/open/v1/appointments", host=self.host, headers=headers, body=body)


@dataclass
class Planner:
    """Hands out requests that nobody has sent before, segment after segment."""

    client: Client
    hospital: BenchHospital
    next_many: int = 0
    next_hot: int = 0
    many_order: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        slots = hospital_data.MANY_SCHEDULES * hospital_data.SLOTS_PER_SCHEDULE
        self.many_order = [number for number in range(slots) for _ in range(hospital_data.SEATS_PER_SLOT)]
        random.Random(20_261_123).shuffle(self.many_order)

    def patient(self, number: int) -> str:
        """The n-th patient to come; all different until everybody has come once."""
        pool = self.hospital.patients - hospital_data.EARLIER_PATIENTS
        return hospital_data.patient_id(hospital_data.EARLIER_PATIENTS + (number * SCATTER) % pool)

    def many(self, seconds: float) -> list[bytes]:
        """Bookings over many slots, one person and one free seat for each."""
        token = self.client.token()
        count = int(seconds * REQUESTS_PER_SECOND_MAX)
        numbers = range(self.next_many, min(self.next_many + count, len(self.many_order)))
        return [
            self.client.booking(
                token, slot=hospital_data.slot_id(self.many_order[number]), patient=self.patient(number)
            )
            for number in numbers
        ]

    def hot(self, seconds: float) -> list[bytes]:
        """Bookings of the next hot schedule: everybody wants the same one."""
        if self.next_hot >= self.hospital.hot_schedules:
            raise ScenarioError("no hot schedule is left; fewer rounds")
        token = self.client.token()
        slot = hospital_data.counted_id("hot_slot", self.next_hot)
        self.next_hot += 1
        count = min(int(seconds * REQUESTS_PER_SECOND_MAX), self.hospital.hot_seats)
        return [self.client.booking(token, slot=slot, patient=self.patient(number)) for number in range(count)]

    def sold_out(self, _seconds: float) -> list[bytes]:
        """Bookings of a schedule that has no seat left, by persons who have none there."""
        token = self.client.token()
        slot = hospital_data.sold_out_slot(self.hospital)
        return [
            self.client.booking(token, slot=slot, patient=self.patient(number)) for number in range(REFUSALS_PREPARED)
        ]

    def availability(self, _seconds: float) -> list[bytes]:
        """Questions for the free slots of one schedule after another."""
        headers = [("Authorization", f"Bearer {self.client.token()}")]
        step = hospital_data.MANY_SCHEDULES // hospital_data.SCHEDULES_SHOWN
        schedules = [hospital_data.counted_id("schedule", n * step) for n in range(hospital_data.SCHEDULES_SHOWN)]
        random.shuffle(schedules)
        return [
            render_request("GET", f"/open/v1/slots?schedule_id={schedule}", host=self.client.host, headers=headers)
            for schedule in schedules
        ]

    def echo(self, _seconds: float) -> list[bytes]:
        """The same server's bare JSON echo: the measure that all others are held against."""
        body = b'{"slot_id":"%s","patient_id":"%s"}' % (
            hospital_data.slot_id(0).encode(),
            hospital_data.patient_id(0).encode(),
        )
        headers = [("Content-Type", "application/json")]
        return [render_request("POST", "/echo", host=self.client.host, headers=headers, body=body)]


@dataclass(frozen=True)
class Scenario:
    """One kind of request: how it is made and what its answer has to be."""

    name: str
    status: int
    code: str | None
    requests: Callable[[Planner, float], list[bytes]]
    repeats: bool
    books: bool


ECHO = Scenario("echo", 200, None, Planner.echo, repeats=True, books=False)
MANY = Scenario("many", 201, None, Planner.many, repeats=False, books=True)
HOT = Scenario("hot", 201, None, Planner.hot, repeats=False, books=True)
SOLD_OUT = Scenario("sold_out", 409, "booking.sold_out", Planner.sold_out, repeats=True, books=False)
AVAILABILITY = Scenario("availability", 200, None, Planner.availability, repeats=True, books=False)
MEASURED = (MANY, HOT, SOLD_OUT, AVAILABILITY)


def apply(
    scenario: Scenario, planner: Planner, *, seconds: float, warmup_seconds: float, rate: float | None = None
) -> Outcome:
    """Apply one segment of load and insist on the answers that it must get.

    Raises:
        ScenarioError: other answers than expected, or too few requests for the time.
    """
    requests = scenario.requests(planner, seconds + warmup_seconds)
    if not requests:
        raise ScenarioError(f"{scenario.name}: no seat is left to book; use fewer or shorter rounds")
    try:
        outcome = run_load(
            planner.client.address,
            requests,
            connections=planner.client.connections,
            seconds=seconds,
            warmup_seconds=warmup_seconds,
            rate=rate,
            repeat=scenario.repeats,
            keep_bodies=scenario.books,
        )
    except LoadError as error:
        raise ScenarioError(f"{scenario.name}: {error}") from error
    if scenario is MANY:
        planner.next_many += outcome.sent
    others = {status: number for status, number in outcome.statuses.items() if status != scenario.status}
    strange = {code: number for code, number in outcome.codes.items() if scenario.code and code != scenario.code}
    if others or strange:
        raise ScenarioError(f"{scenario.name}: expected {scenario.status}, got {others} {dict(outcome.codes)}")
    if outcome.answered == 0:
        raise ScenarioError(f"{scenario.name}: no answer in {seconds} s ({outcome.unanswered} still waiting)")
    if outcome.exhausted:
        raise ScenarioError(f"{scenario.name}: {outcome.sent} prepared requests were used up before the time was")
    return outcome
