"""What happens between the databases' start and the platform's: roles, migrations, demonstration data."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg

from kernel.settings import Settings, SettingsError
from runtime.data_folder import DataFolder
from runtime.embedded.postgres import ensure_database
from runtime.processes import end_with_parent
from runtime.supervisor.logs import tail
from runtime.supervisor.plan import ROOT, Plan, SetupRefused, bare_environment

STEP_SECONDS_MAX = 1800
WORTH_TELLING_SECONDS = 1.0

Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Step:
    """One program that runs to its end while the platform comes up."""

    name: str
    module: str
    announcement: str


MIGRATE = Step("migrate", "runtime.migrate", "Bringing the database to the newest shape ...")
DEMO_DATA = Step("demo-data", "runtime.demo_data", "Loading the demonstration hospital ...")
DEMO_CHARGES = Step("demo-charges", "runtime.demo_charges", "Telling the HIS what the demonstration families owe ...")


def require_settings(plan: Plan) -> None:
    """Refuse settings that the processes would refuse, before anything is started.

    Raises:
        SetupRefused: the sentence of the settings themselves.
    """
    try:
        Settings.from_environment(plan.environment)
    except SettingsError as error:
        message = f"The settings are refused: {error}"
        raise SetupRefused(message) from error


async def ensure_databases(plan: Plan) -> None:
    """Make the platform's database and, apart from it, the embedded HIS's.

    Raises:
        SetupRefused: a database given from outside is out of reach or grants too little.
    """
    if plan.database is not None:
        await _ensure(plan.database.superuser_url, plan.environment["DATABASE_URL"])
        if plan.has_micro_his:
            await _ensure(plan.database.superuser_url, plan.his_environment["MICRO_HIS_DATABASE_URL"])
        return
    given = plan.environment["DATABASE_URL"]
    await _require_reachable("DATABASE_URL", given)
    if not plan.has_micro_his:
        return
    his = plan.his_environment["MICRO_HIS_DATABASE_URL"]
    if not await _is_reachable(his):
        try:
            await _ensure(given, his)
        except asyncpg.InsufficientPrivilegeError as error:
            message = (
                "The embedded HIS wants a database apart from the platform's, and the role of DATABASE_URL may not"
                f" make one ({error}). Set MICRO_HIS_DATABASE_URL to an empty database of its own."
            )
            raise SetupRefused(message) from error


async def _ensure(superuser_url: str, url: str) -> None:
    parts = urlsplit(url)
    await ensure_database(
        superuser_url, name=parts.path.lstrip("/"), owner=parts.username or "", password=parts.password or ""
    )


async def _is_reachable(url: str) -> bool:
    try:
        await _require_reachable("", url)
    except SetupRefused:
        return False
    return True


async def _require_reachable(name: str, url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        message = f"{name} does not lead to a PostgreSQL database: {error or type(error).__name__}"
        raise SetupRefused(message) from error
    await connection.close()


async def run_steps(folder: DataFolder, plan: Plan, say: Say) -> None:
    """Migrate, and in the sandbox load the demonstration hospital.

    Raises:
        SetupRefused: a step failed; the end of its output is shown.
    """
    await _run_all(folder, plan, [MIGRATE, DEMO_DATA] if plan.has_demo_hospital else [MIGRATE], say)


async def run_last_steps(folder: DataFolder, plan: Plan, say: Say) -> None:
    """Do what needs the embedded HIS to serve: its side of the demonstration hospital.

    Raises:
        SetupRefused: a step failed; the end of its output is shown.
    """
    if plan.has_demo_hospital and plan.has_micro_his:
        await _run_all(folder, plan, [DEMO_CHARGES], say)


async def _run_all(folder: DataFolder, plan: Plan, steps: Sequence[Step], say: Say) -> None:
    for step in steps:
        await say(step.announcement)
        started = time.monotonic()
        await _run(folder, plan, step)
        seconds = time.monotonic() - started
        if seconds > WORTH_TELLING_SECONDS:
            await say(f"  done in {seconds:.1f} s.")


async def _run(folder: DataFolder, plan: Plan, step: Step) -> None:
    log = folder.log_of(step.name)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            step.module,
            cwd=ROOT,
            env=bare_environment(folder) | plan.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
            preexec_fn=end_with_parent(),
        )
    try:
        async with asyncio.timeout(STEP_SECONDS_MAX):
            status = await process.wait()
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    if status != 0:
        message = f"{step.announcement} failed.\n--- the end of {log}:\n{tail(log)}"
        raise SetupRefused(message)
