"""The peer beside us: pretix, a ticket shop known to sell no place twice, in an environment of its own.

One event, one quota, orders through its REST API with a team's token: its closest equal to booking a seat
through ours. It gets its own database on the same PostgreSQL, the same Valkey for its cache, gunicorn, and
the same load generator.
"""

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import InstallError, environment_of
from benchmarks.load import Outcome, render_request, run_load
from benchmarks.servers import Servers, process
from runtime.embedded import ports
from runtime.embedded.postgres import ensure_database

REQUIREMENTS = Path(__file__).resolve().parent.parent / "pretix-requirements.txt"
MIGRATE_SECONDS_MAX = 600
WORKERS = 2
WARMUP_SECONDS = 6.0
# More seats than the quota could sell in any run: what is measured is selling, not refusing.
SEATS = 1_000_000
ORDERS_PREPARED = 4_000
CONNECTIONS = 8


class PeerUnavailableError(Exception):
    """The peer could not be installed or started here; the text says why in plain words."""


@dataclass(frozen=True)
class Peer:
    """The running peer, ready to take orders."""

    address: tuple[str, int]
    orders: list[bytes]
    carts: list[bytes]
    version: str
    environment: dict[str, str]
    python: Path

    def measure_orders(self, *, seconds: float) -> Outcome:
        """Order places as fast as it goes: the peer's equal of a booking."""
        return run_load(self.address, self.orders, connections=CONNECTIONS, seconds=seconds, repeat=True)

    def measure_carts(self, *, seconds: float) -> Outcome:
        """Put places into carts as fast as it goes: the peer's equal of a hold, and the cheapest way to take one."""
        return run_load(self.address, self.carts, connections=CONNECTIONS, seconds=seconds, repeat=True)

    def sold(self) -> int:
        """How many places the peer has sold, by its own database."""
        done = _set_up(self.python, self.environment, "count")
        return int(str(done["sold"]))


@contextmanager
def running_peer(servers: Servers, home: Path, say: Callable[[str], None]) -> Iterator[Peer]:
    """Install the pinned peer under `home` (once), and run it until the block ends.

    Raises:
        PeerUnavailableError: it cannot be installed, migrated or started on this machine.
    """
    try:
        python = environment_of(REQUIREMENTS, home, say)
    except InstallError as error:
        raise PeerUnavailableError(str(error)) from error
    work = servers.folder.root / "peer"
    work.mkdir(exist_ok=True)
    name, password = "peer_pretix", hashlib.sha256(servers.postgres.superuser_password.encode()).hexdigest()[:32]
    url = servers.postgres.superuser_url
    asyncio.run(ensure_database(url, name=name, owner=name, password=password))
    port = ports.any_free("127.0.0.1")
    environment = _environment(servers, work, name, password, port)
    say("Migrating the peer's database ...")
    _migrate(python, environment, work)
    shop = _set_up(python, environment, str(SEATS))
    orders, carts = _orders(port, token=str(shop["token"]), item=int(str(shop["item"])))
    version = _pinned("pretix")
    argv = [
        str(python), "-m", "gunicorn", "pretix.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS),
        "--threads", "4", "--keep-alive", "75", "--log-level", "warning",
    ]  # fmt: skip
    log = servers.folder.log_of("peer")
    with process("pretix", argv, environment=environment, log=log, port=port, cwd=work):
        address = ("127.0.0.1", port)
        _require_taken(address, orders[0], log)
        _require_taken(address, carts[0], log)
        # Each worker imports most of itself with its first requests; that is not what is compared.
        run_load(address, orders, connections=CONNECTIONS, seconds=WARMUP_SECONDS, repeat=True)
        yield Peer(address, orders, carts, version, environment, python)


def _pinned(package: str) -> str:
    """The version that the requirements pin."""
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{package}=="):
            return line.removeprefix(f"{package}==").split()[0]
    raise PeerUnavailableError(f"{package} is not pinned in {REQUIREMENTS.name}")


def _environment(servers: Servers, work: Path, name: str, password: str, port: int) -> dict[str, str]:
    cache = servers.valkey.url(7)
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LC_ALL": "C.UTF-8",
        "DJANGO_SETTINGS_MODULE": "pretix.settings",
        "PRETIX_PRETIX_DATADIR": str(work),
        "PRETIX_PRETIX_URL": f"http://127.0.0.1:{port}",
        "PRETIX_DATABASE_BACKEND": "postgresql",
        "PRETIX_DATABASE_NAME": name,
        "PRETIX_DATABASE_USER": name,
        "PRETIX_DATABASE_PASSWORD": password,
        "PRETIX_DATABASE_HOST": "127.0.0.1",
        "PRETIX_DATABASE_PORT": str(servers.postgres.port),
        "PRETIX_REDIS_LOCATION": cache,
        "PRETIX_REDIS_SESSIONS": "true",
        # Its background tasks run where they arise would slow it; a broker without a worker only takes them in.
        "PRETIX_CELERY_BROKER": servers.valkey.url(8),
        "PRETIX_CELERY_BACKEND": servers.valkey.url(9),
    }


def _migrate(python: Path, environment: dict[str, str], work: Path) -> None:
    argv = [str(python), "-m", "pretix", "migrate", "--verbosity", "0"]
    try:
        done = subprocess.run(
            argv, env=environment, cwd=work, capture_output=True, text=True, timeout=MIGRATE_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise PeerUnavailableError("pretix took too long to make its tables") from late
    if done.returncode != 0:
        raise PeerUnavailableError(f"pretix could not make its tables: {done.stderr.strip()[-800:]}")


def _set_up(python: Path, environment: dict[str, str], what: str) -> dict[str, object]:
    script = Path(__file__).with_name("set_up.py")
    # -I keeps our own packages out of the peer's sight.
    done = subprocess.run(
        [str(python), "-I", str(script), what],
        env=environment,
        capture_output=True,
        text=True,
        timeout=MIGRATE_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise PeerUnavailableError(f"pretix could not be set up: {done.stderr.strip()[-800:]}")
    answer: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _orders(port: int, *, token: str, item: int) -> tuple[list[bytes], list[bytes]]:
    """Orders and carts of one place each, for persons of different names, as its API documentation shows them."""
    headers = [("Authorization", f"Token {token}"), ("Content-Type", "application/json")]
    host, event = f"127.0.0.1:{port}", "/api/v1/organizers/hospital/events/clinic"
    orders: list[bytes] = []
    carts: list[bytes] = []
    for number in range(ORDERS_PREPARED):
        position = {"item": item, "attendee_name_parts": {"full_name": f"Patient {number}"}}
        order = {
            "email": f"patient{number}@example.org", "locale": "en", "sales_channel": "web", "positions": [position],
        }  # fmt: skip
        cart = {**position, "price": "0.00"}
        for path, wanted, into in ((f"{event}/orders/", order, orders), (f"{event}/cartpositions/", cart, carts)):
            body = json.dumps(wanted, separators=(",", ":")).encode()
            into.append(render_request("POST", path, host=host, headers=headers, body=body))
    return orders, carts


def _require_taken(address: tuple[str, int], request: bytes, log: Path) -> None:
    """One order must succeed before any is counted.

    Raises:
        PeerUnavailableError: the peer refuses it; its answer is shown.
    """
    outcome = run_load(address, [request], connections=1, seconds=60.0)
    if outcome.statuses != {201: 1}:
        words = log.read_text(encoding="utf-8", errors="replace")[-800:]
        raise PeerUnavailableError(f"pretix took no place: {dict(outcome.statuses)} {words}")
