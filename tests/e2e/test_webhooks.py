"""The guide's receiver, as it stands there, is told by the running platform of what happens."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from oauth.known_credentials import DEMO_CLIENTS
from runtime.embedded import ports
from tests.e2e.test_open_api_guide import GUIDE
from tests.platform import Hospital

SECONDS_MAX = 30


def example() -> str:
    """The receiver of the guide."""
    [found] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return str(found)


@contextmanager
def receiving(folder: Path, *, secret: str, port: int) -> Iterator[Path]:
    """Run the example; gives the file that it writes to."""
    program, output = folder / "receiver.py", folder / "output"
    program.write_text(example(), encoding="utf-8")
    with output.open("wb") as written:
        child = subprocess.Popen(
            [sys.executable, str(program), str(port)],
            env={**os.environ, "SECRET": secret},
            stdout=written,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield output
    finally:
        child.kill()
        child.wait()


def wait_for(output: Path, text: str) -> str:
    """Wait until the receiver has written something."""
    deadline = time.monotonic() + SECONDS_MAX
    while text not in (found := output.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline, f"no {text} in {found!r}"
        time.sleep(0.05)
    return found


def test_the_receiver_of_the_guide_is_told(hospital_running: Hospital, tmp_path: Path) -> None:
    demo = next(client for client in DEMO_CLIENTS if client.role == "city_portal")
    with httpx.Client(base_url=hospital_running.base_url, trust_env=False) as http:
        credentials = (demo.client_id, demo.secret)
        answer = http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
        headers = {"authorization": f"Bearer {answer.json()['access_token']}"}

        def send(method: str, path: str, body: Any = None) -> Any:
            content = {} if body is None else {"json": body}
            return http.request(method, f"/open/v1{path}", headers=headers, **content).raise_for_status().json()

        port = ports.any_free("127.0.0.1")
        wanted = {"url": f"http://127.0.0.1:{port}/webhooks", "event_types": ["webhook.*"]}
        webhook = send("POST", "/webhooks", wanted)
        try:
            with receiving(tmp_path, secret=webhook["secret"], port=port) as output:
                delivery = send("POST", f"/webhooks/{webhook['id']}/test")
                line = wait_for(output, "webhook.test")
                assert line.split() == [delivery["message_id"], "webhook.test", webhook["id"]]
                deadline = time.monotonic() + SECONDS_MAX
                while True:
                    attempts = send("GET", f"/webhooks/deliveries/{delivery['id']}/attempts")["items"]
                    if attempts and attempts[-1]["outcome"] == "delivered":
                        break
                    assert time.monotonic() < deadline, attempts
                    time.sleep(0.05)
            figures = httpx.get(f"{hospital_running.base_url}/metrics", trust_env=False).text
            assert 'webhook_recent_attempts{outcome="delivered"}' in figures
        finally:
            send("DELETE", f"/webhooks/{webhook['id']}")
