"""What runs on this machine, and with which settings: decided once, before anything is started."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runtime import keys
from runtime.data_folder import DataFolder, State
from runtime.embedded import ports, postgres, valkey
from runtime.processes import RUN_MARK
from runtime.sandbox_channels import KeysInTheWay
from runtime.supervisor import emulators, readiness
from runtime.supervisor.children import ProcessSpec

ROOT = Path(__file__).resolve().parent.parent.parent

PORT_USUAL = 8000
WEB_PROCESSES_MIN = 2
WEB_PROCESSES_MAX = 64

STAGE_STORES = 0
STAGE_HIS = 1
STAGE_PLATFORM = 2

DATABASE = "hospital"
HIS_DATABASE = "micro_his"
LOOPBACK = "127.0.0.1"

TAKEN_FROM_OUTSIDE = (
    "MODE",
    "DATABASE_URL",
    "REDIS_URL",
    "HTTP_HOST",
    "PUBLIC_URL",
    "PROXIES_COUNT",
    "KEYS_DIR",
    "LOG_LEVEL",
    "HIS_MLLP",
    "HIS_HTTP_URL",
    "HIS_HTTP_TOKEN",
    "HIS_INBOUND",
    "HIS_SENDING_APPLICATION",
    "HIS_CHARSET",
    "WECHATPAY_BASE_URL",
    "SANDBOX_URL",
    "PRODUCTION_URL",
    "DEVELOPER_CHANNEL",
    "ALIPAY_BASE_URL",
    "FISCAL_BASE_URL",
    "FISCAL_APP_ID",
    "FISCAL_KEY",
    "FISCAL_PLACE_CODE",
    "FISCAL_OPERATOR",
    "INSURANCE_BASE_URL",
    "WECHAT_BASE_URL",
    "WECHAT_APP_ID",
    "WECHAT_APP_SECRET",
    "SMS_BASE_URL",
    "SMS_EMULATOR",
    "SMS_APP_ID",
    "SMS_SIGN_NAME",
    "SMS_SECRET_ID",
    "SMS_SECRET_KEY",
    "SMS_TEMPLATES",
    "SMS_CODES_PER_DAY",
    "HOTLINE",
    "INSURANCE_INSTITUTION",
    "INSURANCE_CITY",
    "INSURANCE_CONSENT_BASE_URL",
    "INSURANCE_CONSENT_PARTNER",
    "INSURANCE_CONSENT_SECRET",
    "INSURANCE_CONSENT_PAGE",
    "INSURANCE_CASHIER_PAGE",
    "INSURANCE_CONSENT_MINI_PROGRAM",
    "INSURANCE_CASHIER_MINI_PROGRAM",
    "BENCH_ECHO",
    "DEMO_HOSPITAL",
    "MOVING_CLOCK",
)
"""Variables by which whoever runs `./hospital up` decides otherwise than we would."""


class SetupRefused(Exception):
    """The platform cannot be started as asked; the text says why in plain words."""


@dataclass(frozen=True)
class Options:
    """What the person at the terminal asked for."""

    port: int | None
    workers: int | None


@dataclass(frozen=True)
class Plan:
    """Everything that is to run, and the settings that the platform's processes share."""

    environment: dict[str, str]
    his_environment: dict[str, str]
    emulator_environments: dict[str, dict[str, str]]
    database: postgres.PostgresServer | None
    cache: valkey.ValkeyServer | None
    web_processes: int

    @property
    def is_production(self) -> bool:
        """Tell whether real patients are served: then nothing of the sandbox is started."""
        return self.environment["MODE"] == "production"

    @property
    def has_demo_hospital(self) -> bool:
        """Tell whether the demonstration hospital is to be loaded; DEMO_HOSPITAL=none leaves a sandbox empty."""
        return not self.is_production and self.environment.get("DEMO_HOSPITAL") != "none"

    @property
    def has_micro_his(self) -> bool:
        """Tell whether the embedded HIS plays the core HIS here."""
        return bool(self.his_environment)


def make_plan(folder: DataFolder, options: Options, outside: Mapping[str, str]) -> Plan:
    """Decide what to run. Data folders and keys are made; nothing is started yet.

    Raises:
        SetupRefused: a setting or this machine forbids it.
    """
    state = folder.load_state()
    given = {name: outside[name] for name in TAKEN_FROM_OUTSIDE if outside.get(name)}
    given.setdefault("MODE", "sandbox")
    is_production = given["MODE"] == "production"
    if is_production and "DATABASE_URL" not in given:
        message = "Production wants an external PostgreSQL: set DATABASE_URL (see docs/operations.md)."
        raise SetupRefused(message)
    try:
        environment = _addresses(folder, state, options, given)
        database = None if "DATABASE_URL" in given else _database(folder, state)
        cache = None if "REDIS_URL" in given else _cache(folder, state)
    except (postgres.PostgresUnusable, valkey.ValkeyUnusable, ports.PortTaken) as error:
        raise SetupRefused(str(error)) from error
    if database is not None:
        password = state.secret("database")
        environment["DATABASE_URL"] = database.url(user=DATABASE, password=password, database=DATABASE)
    if cache is not None:
        environment["REDIS_URL"] = cache.url()
    emulated: dict[str, dict[str, str]] = {}
    if not is_production:
        keys.create_missing(Path(environment["KEYS_DIR"]))
        try:
            emulated = emulators.prepare(folder, state, environment, given)
        except KeysInTheWay as error:
            raise SetupRefused(str(error)) from error
    his_environment = {} if is_production or "HIS_MLLP" in given else _his(state, environment, database, outside)
    folder.save_state(state)
    return Plan(
        environment=environment,
        his_environment=his_environment,
        emulator_environments=emulated,
        database=database,
        cache=cache,
        web_processes=_web_processes(options.workers),
    )


def _web_processes(asked: int | None) -> int:
    if asked is not None:
        return max(1, min(asked, WEB_PROCESSES_MAX))
    # PostgreSQL wants the other half of the machine; two processes outlive the death of one.
    return max(WEB_PROCESSES_MIN, min((os.cpu_count() or 1) // 2, WEB_PROCESSES_MAX))


def _addresses(folder: DataFolder, state: State, options: Options, given: dict[str, str]) -> dict[str, str]:
    """Give the platform's processes their addresses; what was given from outside wins."""
    host = given.get("HTTP_HOST", LOOPBACK)
    port = ports.choose_http(state, host=host, asked=options.port, usual=PORT_USUAL)
    environment = {
        "HTTP_HOST": host,
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://{_reached_at(host)}:{port}",
        "DATA_DIR": str(folder.root),
        "KEYS_DIR": str(folder.keys),
    }
    if given["MODE"] != "production" and "HIS_MLLP" not in given:
        his_http_port = ports.remembered(state, "his_http")
        environment |= {
            "HIS_MLLP": f"{LOOPBACK}:{ports.remembered(state, 'his_mllp')}",
            "HIS_HTTP_URL": f"http://{LOOPBACK}:{his_http_port}",
            "HIS_HTTP_TOKEN": state.secret("his_http_token"),
        }
    if given["MODE"] != "production":
        environment |= emulators.addresses(state, given)
    if "HIS_INBOUND" not in given:
        environment["HIS_INBOUND"] = f"{LOOPBACK}:{ports.remembered(state, 'his_inbound')}"
    return environment | given


def _database(folder: DataFolder, state: State) -> postgres.PostgresServer:
    return postgres.prepare(folder, state, port=ports.remembered(state, "postgres"))


def _cache(folder: DataFolder, state: State) -> valkey.ValkeyServer:
    port = ports.remembered(state, "valkey")
    return valkey.prepare(folder.valkey, port=port, password=state.secret("valkey"))


def _his(
    state: State,
    environment: dict[str, str],
    database: postgres.PostgresServer | None,
    outside: Mapping[str, str],
) -> dict[str, str]:
    """Give the embedded HIS its settings: a database of its own, and the wire to the platform."""
    password = state.secret("his_database")
    if url := outside.get("MICRO_HIS_DATABASE_URL"):
        his_database = url
    elif database is not None:
        his_database = database.url(user=HIS_DATABASE, password=password, database=HIS_DATABASE)
    else:
        his_database = _beside(environment["DATABASE_URL"], password)
    return {
        "MODE": environment["MODE"],
        "MICRO_HIS_DATABASE_URL": his_database,
        "MICRO_HIS_MLLP": environment["HIS_MLLP"],
        "MICRO_HIS_HTTP": environment["HIS_HTTP_URL"].removeprefix("http://"),
        "MICRO_HIS_PEER": environment["HIS_INBOUND"],
        "HIS_HTTP_TOKEN": environment["HIS_HTTP_TOKEN"],
        "LOG_LEVEL": environment.get("LOG_LEVEL", "INFO"),
    } | {name: environment[name] for name in ("MOVING_CLOCK",) if name in environment}


def _beside(database_url: str, password: str) -> str:
    """Name a database for the embedded HIS on the server that DATABASE_URL names, with a role of its own.

    Raises:
        SetupRefused: the name of the platform's database gives none that is safe to use.
    """
    parts = urlsplit(database_url)
    name = f"{parts.path.lstrip('/')}_{HIS_DATABASE}"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        message = f"Set MICRO_HIS_DATABASE_URL: no database name for the embedded HIS follows from {parts.path!r}."
        raise SetupRefused(message)
    server = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{name}:{password}@{server}", path=f"/{name}").geturl()


# --- the processes


def store_specs(folder: DataFolder, plan: Plan) -> list[ProcessSpec]:
    """The embedded PostgreSQL and Valkey, where they are ours to run."""
    marked = bare_environment(folder)
    specs = []
    if (server := plan.database) is not None:
        specs.append(
            ProcessSpec(
                name="postgres",
                argv=server.argv,
                environment=marked,
                is_ready=readiness.postgres_answers(server.superuser_url),
                log=folder.log_of("postgres"),
                folder=Path("/"),
                stage=STAGE_STORES,
                before_start=lambda: postgres.clear_stale_lock(server),
                stop_signal=postgres.FAST_SHUTDOWN,
                stop_seconds=60,
                run_as=server.run_as,
            )
        )
    if (cache := plan.cache) is not None:
        specs.append(
            ProcessSpec(
                name="valkey",
                argv=cache.argv,
                environment=marked,
                is_ready=readiness.valkey_pong(cache.port, cache.password),
                log=folder.log_of("valkey"),
                folder=folder.valkey,
                stage=STAGE_STORES,
                stop_seconds=10,
            )
        )
    return specs


def platform_specs(folder: DataFolder, plan: Plan) -> list[ProcessSpec]:
    """The processes of the hospital itself, and beside them the embedded HIS and the emulated channels."""
    shared = bare_environment(folder) | plan.environment
    specs = []
    if plan.has_micro_his:
        host, _, port = plan.his_environment["MICRO_HIS_HTTP"].rpartition(":")
        specs.append(
            _python_process(
                folder,
                name="micro-his",
                module="integration.micro_his.main",
                environment=bare_environment(folder) | plan.his_environment,
                is_ready=readiness.http_ok(host, int(port), "/health"),
                stage=STAGE_HIS,
            )
        )
    for one in emulators.EMULATORS:
        if own := plan.emulator_environments.get(one.name):
            host, _, port = own[f"{one.prefix}_HTTP"].rpartition(":")
            specs.append(
                _python_process(
                    folder,
                    name=one.name,
                    module=one.module,
                    environment=bare_environment(folder) | own,
                    is_ready=readiness.http_ok(host, int(port), "/health"),
                    stage=STAGE_HIS,
                )
            )
    for name, module in (
        ("his-inbound", "runtime.inbound"),
        ("relay", "runtime.worker.relay"),
        ("worker", "runtime.worker.main"),
    ):
        probe = readiness.file_touched(folder.ready_file_of(name))
        specs.append(_python_process(folder, name=name, module=module, environment=shared, is_ready=probe))
    host = _reached_at(plan.environment["HTTP_HOST"])
    answers = readiness.http_ok(host, int(plan.environment["HTTP_PORT"]), "/health/ready")
    for number in range(1, plan.web_processes + 1):
        name = f"web-{number}"
        # All web processes answer on one port; the file says that this one is among them.
        probe = readiness.all_of(readiness.file_touched(folder.ready_file_of(name)), answers)
        specs.append(_python_process(folder, name=name, module="runtime.web", environment=shared, is_ready=probe))
    return specs


def _reached_at(host: str) -> str:
    return {"0.0.0.0": LOOPBACK, "::": LOOPBACK}.get(host, host)  # noqa: S104  compared, not bound


def _python_process(
    folder: DataFolder,
    *,
    name: str,
    module: str,
    environment: dict[str, str],
    is_ready: readiness.Probe,
    stage: int = STAGE_PLATFORM,
) -> ProcessSpec:
    ready_file = folder.ready_file_of(name)
    return ProcessSpec(
        name=name,
        argv=[sys.executable, "-m", module],
        environment=environment | {"READY_FILE": str(ready_file), "PROCESS_NAME": name},
        is_ready=is_ready,
        log=folder.log_of(name),
        folder=ROOT,
        stage=stage,
        before_start=_forget(ready_file),
    )


def _forget(ready_file: Path) -> Callable[[], None]:
    return lambda: ready_file.unlink(missing_ok=True)


def bare_environment(folder: DataFolder) -> dict[str, str]:
    """What every process of this data folder gets: nothing of the terminal's but the way to programs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {RUN_MARK: str(folder.root), "PYTHONUNBUFFERED": "1", "TZ": "UTC"}
