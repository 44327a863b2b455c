"""Who takes part in the demonstration: partner applications, the HIS with its window, the supervisor.

Each is spoken to as anybody else would: HTTP with a token, REST of the HIS, the control socket of the data folder.
"""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from runtime.data_folder import DataFolder
from runtime.demo.narrator import DemoFailed, require
from runtime.supervisor import control

ANSWER_SECONDS_MAX = 15.0
WAIT_SECONDS_MAX = 60.0
POLL_SECONDS = 0.2

Record = dict[str, Any]


class Partner:
    """A client application of the open API with a token of its own."""

    def __init__(self, base_url: str, credentials: Mapping[str, str], *, staff: str | None = None) -> None:
        self._credentials = (credentials["client_id"], credentials["client_secret"])
        self._http = httpx.Client(base_url=base_url, timeout=ANSWER_SECONDS_MAX, trust_env=False)
        self._http.headers["accept-language"] = "en"
        if staff:
            self._http.headers["acting-staff"] = staff

    def sign_in(self) -> Record:
        """Get a token, carry it from now on, and give the answer.

        Raises:
            DemoFailed: there is none for this client.
        """
        answer = self._http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=self._credentials)
        token = _body(answer, 200)
        self._http.headers["authorization"] = f"Bearer {token['access_token']}"
        return token

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def get(self, path: str, **query: object) -> Record:
        """Read; anything but 200 ends the story.

        Raises:
            DemoFailed: with the problem's own sentence.
        """
        answer = self._http.get(f"/open/v1{path}", params={name: str(value) for name, value in query.items()})
        return _body(answer, 200)

    def post(self, path: str, body: Mapping[str, object] | None = None, *, status: int = 201) -> Record:
        """Change something, under a fresh idempotency key.

        Raises:
            DemoFailed: with the problem's own sentence.
        """
        answer = self._http.post(
            f"/open/v1{path}", json=dict(body or {}), headers={"idempotency-key": secrets.token_hex(12)}
        )
        return _body(answer, status)

    def put(self, path: str, body: Mapping[str, object]) -> Record:
        """Set something, under a fresh idempotency key.

        Raises:
            DemoFailed: with the problem's own sentence.
        """
        answer = self._http.put(f"/open/v1{path}", json=dict(body), headers={"idempotency-key": secrets.token_hex(12)})
        return _body(answer, 200)

    def answers(self) -> bool:
        """Tell whether the open API is up."""
        try:
            return self._http.get("/health/live").status_code == 200
        except httpx.TransportError:
            return False

    def refused(self, path: str, body: Mapping[str, object]) -> Record:
        """Ask for something that has to be refused, and give the problem.

        Raises:
            DemoFailed: it was allowed.
        """
        return _body(self._http.post(f"/open/v1{path}", json=dict(body)), 409)


class CoreHis:
    """The HIS as its own clerks see it: its REST pages, and its registration window."""

    def __init__(self, base_url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            headers={"authorization": f"Bearer {token}"},
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def answers(self) -> bool:
        """Tell whether it is up."""
        try:
            return self._http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def appointment_of(self, platform_id: str) -> Record | None:
        """Give its record of one of the platform's appointments; None where it has none."""
        found = _body(self._http.get("/api/appointments", params={"platform_id": platform_id}), 200)["appointments"]
        return found[0] if found else None

    def schedule(self, schedule_id: str) -> Record | None:
        """Give a schedule with the numbers that its window may sell; None where it has not been told of it."""
        answer = self._http.get(f"/api/schedules/{schedule_id}")
        return None if answer.status_code == 404 else _body(answer, 200)

    def entry(self, number: str) -> Record | None:
        """Give what it has in its own books under one of the platform's numbers; None where it has nothing."""
        answer = self._http.get(f"/api/billing/entries/{number}")
        return None if answer.status_code == 404 else _body(answer, 200)

    def sell(self, *, schedule_id: str, patient: Mapping[str, object], clerk: str, seq: int | None = None) -> Record:
        """Sell a number at the window: any of its own, or the one that is named.

        Raises:
            DemoFailed: the window could not.
        """
        body = {"schedule_id": schedule_id, "patient": dict(patient), "clerk": clerk, "seq": seq}
        return _body(self._http.post("/api/window/bookings", json=body), 201)


@dataclass(frozen=True, slots=True)
class Hospital:
    """The running system with everybody who takes part."""

    portal: Partner
    kiosk: Partner
    office: Partner
    his: CoreHis
    folder: DataFolder

    @classmethod
    def of_run(cls, run: Mapping[str, Any], folder: DataFolder) -> Self:
        """Attach to what run.json names."""
        clients = run["demo_clients"]
        base = run["base_url"]
        return cls(
            portal=Partner(base, clients["city_portal"]),
            kiosk=Partner(base, clients["kiosk"], staff="S0002"),
            office=Partner(base, clients["slot_office"], staff="S0001"),
            his=CoreHis(run["his_http_url"], run["his_http_token"]),
            folder=folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for party in (self.portal, self.kiosk, self.office, self.his):
            party.close()

    def take_his_down(self) -> None:
        """Stop the HIS's process, as an outage would."""
        self._ask("stop", "micro-his")

    def bring_his_back(self) -> None:
        """Start it again."""
        self._ask("start", "micro-his")

    def take_platform_down(self) -> list[str]:
        """Stop every process of the platform's own, as an outage would; the HIS goes on. Gives their names."""
        (status,) = control.ask(self.folder.root, self.folder.control_name, {"command": "status"})
        names = [
            name
            for one in status["processes"]
            if (name := str(one["name"])).startswith("web-") or name in ("his-inbound", "relay", "worker")
        ]
        for name in names:
            self._ask("stop", name)
        return names

    def bring_platform_back(self, names: Sequence[str]) -> None:
        """Start them again."""
        for name in names:
            self._ask("start", name)

    def compare(self, day: str) -> Record:
        """Compare a clinic day with the HIS as `./hospital his reconcile` does, and give its report.

        Raises:
            DemoFailed: the comparison could not be made.
        """
        argv = [sys.executable, "-m", "runtime.reconcile", "--date", day, "--json"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        try:
            report: Record = json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise DemoFailed(f"the two sides could not be compared: {done.stderr.strip()[-300:]}") from error
        return report

    def _ask(self, command: str, name: str) -> None:
        request = {"command": command, "name": name}
        for answer in control.ask(self.folder.root, self.folder.control_name, request):
            require(not answer.get("error"), str(answer.get("error")))


def wait_for(look: Callable[[], Record | None], what: str) -> Record:
    """Look again and again until something is there.

    Raises:
        DemoFailed: it did not come within a minute.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    raise DemoFailed(f"waited {WAIT_SECONDS_MAX:.0f} s for {what}")


def _body(answer: httpx.Response, status: int) -> Record:
    if answer.status_code != status:
        raise DemoFailed(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    body: Record = answer.json()
    return body
