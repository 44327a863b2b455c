"""What every test may ask for: real databases, a real Valkey, a running platform.

| fixture | what it gives |
|---|---|
| `database_url` | this worker's own migrated database, for the whole run |
| `clean_database` | the same, emptied before the test |
| `database` | the same, with `kernel.db` opened on it |
| `own_database_url` | a database for this test alone, dropped afterwards |
| `empty_database_url` | as that, without any table |
| `redis_url` | this worker's own numbered Valkey database |
| `clean_redis_url` | the same, emptied before the test |
| `web_server` | this worker's own web process (`tests/server.py`), on this worker's database |
| `open_api` | the same with a small hospital, a partner, a kiosk and the slot office, each with a token |
| `phone` | a patient's phone, signed in at the app of that server |
| `his_beside` | the HIS and the insurance's centre that the server asks |
| `hospital_running` | the whole platform, brought up once by `./hospital up` (do no harm to it) |
| `own_hospital` | a platform of this module alone, to be harmed |
| `typescript_app` | a folder of a partner in which `sdk/typescript` is installed as they install it |

Sockets to elsewhere are off: a test that reaches for another machine fails.
"""

import asyncio
import fcntl
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import redis

from kernel import crypto
from kernel.db import Database, open_database
from runtime.composition import MODELS
from runtime.embedded.ports import any_free
from runtime.sandbox_channels import insurance_consent_settings
from tests.contract.conformity import watch
from tests.database_state import EMPTY_EVERY_TABLE, NOTE_REFERENCE_DATA
from tests.factories.booking import HospitalUnderTest
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.paying import ChannelBeside
from tests.factories.typescript_sdk import install_for_partner
from tests.factories.wechat import settings_of_server
from tests.platform import Hospital
from tests.server import WebServer

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# What asks for fixtures of this file cannot be imported by it.
pytest_plugins = ("tests.his_beside",)

ROOT = Path(__file__).parent.parent
SHARED = pytest.StashKey[Path]()
SERVICES_SECONDS_MAX = 90
TEMPLATE = "hospital_template"
HIS_TOKEN = "a-token-of-the-tests"
INSURANCE_MINI_PROGRAMS = {
    "INSURANCE_CONSENT_MINI_PROGRAM": "wx0123456789abcdef/auth/index?openType=getAuthCode",
    "INSURANCE_CASHIER_MINI_PROGRAM": "wx0123456789abcdef/pay/index?payOrdId={payOrdId}",
}

# --- the run and its workers


def pytest_configure(config: pytest.Config) -> None:
    """Give the run one folder that all its workers share."""
    shared = getattr(config, "workerinput", {}).get("shared_folder")
    if shared is None:
        shared = tempfile.mkdtemp(prefix="hospital-tests-")
        # The database server of a run as root is `nobody`, and has to pass through.
        Path(shared).chmod(0o711)
    config.stash[SHARED] = Path(shared)


def pytest_configure_node(node: "WorkerController") -> None:
    """Tell a worker of pytest-xdist where the shared folder is."""
    node.workerinput["shared_folder"] = str(node.config.stash[SHARED])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the services down when the run (not one worker of it) is over."""
    shared = config.stash.get(SHARED, None)
    if shared is None or hasattr(config, "workerinput"):
        return
    services = shared / "services" / "services.json"
    if services.exists():
        os.kill(json.loads(services.read_text())["pid"], 15)
        deadline = time.monotonic() + SERVICES_SECONDS_MAX
        while services.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    shutil.rmtree(shared, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all tests of the running platform, so that it comes up once."""
    for item in items:
        wanted = getattr(item, "fixturenames", ())
        if "hospital_running" in wanted:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("platform"))
        elif "own_hospital" in wanted:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group(f"platform-{item.path.name}"))


@pytest.fixture(scope="session", autouse=True)
def _no_sockets_to_elsewhere() -> Iterator[None]:
    """Refuse connections that leave this machine."""
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex

    def require_local(address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is None or host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
        raise AssertionError(f"A test reached for {host}, which is not this machine.")

    def connect(self: socket.socket, address: Any) -> None:
        require_local(address)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        require_local(address)
        return real_connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        yield


# --- PostgreSQL and Valkey


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> dict[str, str]:
    """The addresses of this run's PostgreSQL and Valkey, started by whoever asks first."""
    shared = pytestconfig.stash[SHARED]
    answer = shared / "services" / "services.json"
    with (shared / "services.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            controller = os.getppid() if hasattr(pytestconfig, "workerinput") else os.getpid()
            _start_services(shared, controller)
            _make_template(json.loads(answer.read_text())["superuser_url"])
    found: dict[str, str] = json.loads(answer.read_text())
    return found


def _start_services(shared: Path, controller: int) -> None:
    """Start the keeper of both servers and wait until they serve."""
    log = shared / "services.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.services", str(shared / "services"), str(controller)],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # It outlives this worker on purpose; the run's end collects it.
    keeper.returncode = 0
    deadline = time.monotonic() + SERVICES_SECONDS_MAX
    while not (shared / "services" / "services.json").exists():
        if time.monotonic() > deadline or _has_ended(keeper.pid):
            pytest.exit(f"PostgreSQL and Valkey did not start: {log.read_text()}", returncode=2)
        time.sleep(0.05)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _make_template(superuser_url: str) -> None:
    """Migrate one database, from which each worker's is copied."""
    asyncio.run(_execute(superuser_url, f"CREATE DATABASE {TEMPLATE}"))
    template_url = database_of(superuser_url, TEMPLATE)
    migrated = subprocess.run(
        [sys.executable, "-m", "runtime.migrate"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": template_url, "MODE": "sandbox"},
        check=False,
        capture_output=True,
        text=True,
    )
    if migrated.returncode != 0:
        message = f"The migrations failed:\n{migrated.stdout}\n{migrated.stderr}"
        pytest.exit(message, returncode=2)
    asyncio.run(_execute(template_url, NOTE_REFERENCE_DATA))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def database_of(url: str, name: str) -> str:
    """Address another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def make_database(superuser_url: str, name: str, template: str) -> str:
    """Copy a database (about 65 ms) and give its address."""
    asyncio.run(_execute(superuser_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    return database_of(superuser_url, name)


@pytest.fixture(scope="session")
def database_url(services: dict[str, str], worker_name: str) -> str:
    """This worker's own migrated database."""
    return make_database(services["superuser_url"], f"hospital_{worker_name}", TEMPLATE)


@pytest.fixture(scope="session")
def worker_name(pytestconfig: pytest.Config) -> str:
    """The name of this worker of pytest-xdist: gw0, gw1 ..., or `main` without it."""
    workerinput: dict[str, str] = getattr(pytestconfig, "workerinput", {})
    return workerinput.get("workerid", "main")


@pytest.fixture
async def clean_database(database_url: str) -> str:
    """This worker's database with every table empty, reference data aside."""
    await _execute(database_url, EMPTY_EVERY_TABLE)
    return database_url


@pytest.fixture(scope="session")
async def _opened_database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url, models=MODELS)
    yield opened
    await opened.close()


@pytest.fixture
async def database(_opened_database: Database, clean_database: str) -> Database:
    """`kernel.db` opened on this worker's database, emptied before the test."""
    return _opened_database


@pytest.fixture
async def own_database_url(services: dict[str, str], worker_name: str) -> AsyncIterator[str]:
    """A migrated database for one test alone."""
    async for url in _own_database(services["superuser_url"], worker_name, TEMPLATE):
        yield url


@pytest.fixture
async def empty_database_url(services: dict[str, str], worker_name: str) -> AsyncIterator[str]:
    """A database without any table, for one test alone."""
    async for url in _own_database(services["superuser_url"], worker_name, "template0"):
        yield url


async def _own_database(superuser_url: str, worker: str, template: str) -> AsyncIterator[str]:
    name = f"own_{worker}_{time.monotonic_ns()}"
    await _execute(superuser_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield database_of(superuser_url, name)
    await _execute(superuser_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_url(services: dict[str, str], worker_name: str) -> str:
    """This worker's own numbered database of the run's Valkey."""
    number = 0 if worker_name == "main" else 1 + int(worker_name.removeprefix("gw"))
    return f"{services['redis_url']}/{number}"


@pytest.fixture
def clean_redis_url(redis_url: str) -> str:
    """This worker's Valkey database, emptied."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    return redis_url


# --- the web process


@pytest.fixture(scope="session")
def web_server(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str, worker_name: str
) -> Iterator[WebServer]:
    """This worker's own web process, on this worker's database and Valkey; started once."""
    folder = tmp_path_factory.mktemp(f"web-{worker_name}")
    # Nobody answers there until a test asks for the emulated WeChat Pay, or for a HIS.
    channel, his, centre = [f"http://127.0.0.1:{any_free('127.0.0.1')}" for _ in range(3)]
    with WebServer.up(
        folder,
        database_url=database_url,
        redis_url=redis_url,
        WECHATPAY_BASE_URL=channel,
        INSURANCE_BASE_URL=centre,
        HIS_HTTP_URL=his,
        HIS_HTTP_TOKEN=HIS_TOKEN,
        **(settings_of_server() | insurance_consent_settings(centre) | INSURANCE_MINI_PROGRAMS),
    ) as server:
        yield server


@pytest.fixture(scope="session")
def channel_beside(web_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChannelBeside]:
    """The emulated WeChat Pay that this worker's web process speaks with; it starts when a test first pays there."""
    channel = ChannelBeside.of(web_server, tmp_path_factory.mktemp("channel"))
    yield channel
    channel.go()


@pytest.fixture(scope="session")
async def _http(web_server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    # Every answer that any test gets is held against what its route promises.
    hooks = {"response": [watch]}
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=30, event_hooks=hooks) as client:
        yield client


@pytest.fixture
async def open_api(
    web_server: WebServer, _http: httpx.AsyncClient, database: Database, channel_beside: ChannelBeside
) -> OpenApi:
    """The real server before an otherwise empty hospital, with applications that may call it."""
    crypto.load_cipher(web_server.keys_dir)
    return await OpenApi(web_server, _http, database, HospitalUnderTest(database), channel_beside).build()


@pytest.fixture
async def phone(open_api: OpenApi) -> Phone:
    """A patient's phone, signed in at the app of that server with an account of its own."""
    return await Phone.signed_in(open_api.http)


# --- the whole platform


@pytest.fixture(scope="session")
def hospital_running() -> Iterator[Hospital]:
    """The whole platform, up on free ports, shared by all end-to-end tests."""
    with Hospital.up() as hospital:
        yield hospital


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform of this test module alone, whose processes may be killed."""
    with Hospital.up() as hospital:
        yield hospital


@pytest.fixture(scope="session")
def typescript_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a partner in which the TypeScript client is installed as they install it."""
    return install_for_partner(tmp_path_factory.mktemp("partner"))
