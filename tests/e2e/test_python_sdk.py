"""The Python SDK's quickstart, as it stands, and the partner check, against the running demonstration hospital."""

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hospital_openapi import ClientSecret, HospitalClient, WebhookRefused, verify_webhook
from oauth.known_credentials import DEMO_CLIENTS
from runtime.embedded import ports
from tests.platform import COMMAND, ROOT, Hospital

README = ROOT / "sdk" / "python" / "README.md"
SECONDS_MAX = 120


def test_the_quickstart_runs_as_written(hospital_running: Hospital) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) > 6
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        env={**os.environ, "BASE": hospital_running.base_url, "PYTHONPATH": str(README.parent)},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "50 departments" in lines
    assert any(re.fullmatch(r"\d{10,20} booked", line) for line in lines), done.stdout
    assert any(line.startswith("there is one already: ") for line in lines), done.stdout
    assert "cancelled" in lines
    assert lines[-1] == "400"


def partner_check(
    base_url: str, client_id: str, secret: str, folder: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run `./hospital partner-check` from another folder, with the secret in a file named from there."""
    (folder / "secret").write_text(secret + "\n", encoding="utf-8")
    options = ["--base-url", base_url, "--client-id", client_id, "--secret-file", "secret", *more]
    return subprocess.run(
        [COMMAND, "partner-check", *options],
        cwd=folder,
        env={**os.environ, "COLUMNS": "110"},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )


def verdicts(output: str) -> dict[str, str]:
    """Read the table: what came of each scenario."""
    return dict(re.findall(r"^  (\S[^\n]{1,17}\S) +(works|FAILS|left out) ", output, flags=re.MULTILINE))


def test_a_partner_that_is_set_up_well_passes(hospital_running: Hospital, tmp_path: Path) -> None:
    demo = next(client for client in DEMO_CLIENTS if client.role == "city_portal")
    done = partner_check(hospital_running.base_url, demo.client_id, demo.secret, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = verdicts(done.stdout)
    assert len(found) == 21
    assert {name for name, verdict in found.items() if verdict != "works"} <= {"webhook", "sold out", "reschedule"}
    assert found["webhook"] == "left out"
    assert demo.secret not in done.stdout + done.stderr
    strict = partner_check(hospital_running.base_url, demo.client_id, demo.secret, tmp_path, "--strict")
    assert strict.returncode == 1, strict.stdout


def test_a_wrong_secret_is_told_once_and_plainly(hospital_running: Hospital, tmp_path: Path) -> None:
    done = partner_check(hospital_running.base_url, "nobody-we-know", "wrong", tmp_path)
    assert done.returncode == 1
    found = verdicts(done.stdout)
    assert found.pop("access token") == "FAILS"
    assert set(found.values()) == {"left out"}
    assert "The hospital does not know this client id" in done.stdout


def test_a_receiver_that_believes_anybody_is_found(hospital_running: Hospital, tmp_path: Path) -> None:
    demo = next(client for client in DEMO_CLIENTS if client.role == "city_portal")
    credentials = ClientSecret(demo.client_id, demo.secret)
    port = ports.any_free("127.0.0.1")
    with HospitalClient(hospital_running.base_url, credentials) as hospital:
        webhook = hospital.subscribe_webhook({"url": f"http://127.0.0.1:{port}/webhooks", "event_types": ["webhook.*"]})
        try:
            for secrets, verdict, sentence in (
                ([webhook["secret"]], "works", "a forged one refused with 400"),
                ([], "FAILS", "took a message that the hospital did not sign"),
            ):
                with receiver(port, secrets):
                    done = partner_check(hospital_running.base_url, demo.client_id, demo.secret, tmp_path)
                assert verdicts(done.stdout)["webhook"] == verdict, done.stdout
                assert sentence in " ".join(done.stdout.split())
        finally:
            hospital.unsubscribe_webhook(webhook["id"])


@contextmanager
def receiver(port: int, secrets: list[str]) -> Iterator[None]:
    """A partner's receiver that checks signatures by the SDK; without secrets it believes anybody."""

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = 204
            try:
                if secrets:
                    assert verify_webhook(body, self.headers, secrets)["type"] == "webhook.test"
            except WebhookRefused:
                status = 400
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Production(http.server.BaseHTTPRequestHandler):
    """A hospital of real patients, which notes what it is asked."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        body = b'{"issuer": "http://127.0.0.1", "deployment": "production"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.asked.append(f"POST {self.path}")
        self.send_error(400)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_nothing_is_tried_in_production(tmp_path: Path) -> None:
    _Production.asked = []
    with http.server.HTTPServer(("127.0.0.1", 0), _Production) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            done = partner_check(f"http://127.0.0.1:{server.server_port}", "app", "secret", tmp_path)
        finally:
            server.shutdown()
    assert done.returncode == 2
    assert done.stdout == ""
    assert "does not say that it is a sandbox" in done.stderr
    assert _Production.asked == ["GET /.well-known/oauth-authorization-server"]


@pytest.mark.parametrize(("address", "sentence"), [("http://127.0.0.1:9", "does not answer"), ("nowhere", "address")])
def test_an_address_where_nobody_is(address: str, sentence: str, tmp_path: Path) -> None:
    done = partner_check(address, "app", "secret", tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
