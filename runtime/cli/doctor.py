"""`./hospital doctor`: what is missing on this machine or misconfigured, in plain words."""

import argparse
import asyncio
import os
import platform
import pwd
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import redis

from kernel.secrets import SecretMissing, Secrets
from kernel.settings import Settings, SettingsError
from runtime import frontend, keys
from runtime.cli.operate import ask
from runtime.data_folder import DataFolder
from runtime.embedded import postgres, valkey
from runtime.embedded.ports import is_free
from runtime.supervisor import control
from runtime.supervisor.plan import PORT_USUAL

DISK_BYTES_MIN = 2 << 30
MEMORY_BYTES_MIN = 1 << 30
OPEN_FILES_MIN = 1024
POSTGRES_OLDEST = 15_00_00
ANSWER_SECONDS_MAX = 5
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  it is looked at, nothing is put there
EXTENSIONS = ("btree_gist", "pg_trgm", "pgcrypto")

Verdict = tuple[Literal["ok", "note", "problem"], str]


def doctor(given: argparse.Namespace) -> int:
    """Look at everything the platform stands on; the exit status is 1 if there is a problem."""
    folder: DataFolder = given.data
    environment = os.environ
    problems = 0
    for verdict, sentence in (
        *machine(),
        *data(folder),
        *stores(environment),
        *settings(environment),
        *pages(),
        *running(folder),
    ):
        print(f"{verdict:<8} {sentence}", flush=True)
        problems += verdict == "problem"
    print(f"\n{problems} problem{'s' if problems != 1 else ''} found." if problems else "\nNothing is missing.")
    return 1 if problems else 0


def machine() -> Iterator[Verdict]:
    """Look at the machine itself."""
    yield "ok", f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} processors."
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if memory < MEMORY_BYTES_MIN:
        yield "problem", f"There is {memory >> 20} MB of memory; the platform wants 1 GB or more."
    try:
        ZoneInfo("Asia/Shanghai")
    except ZoneInfoNotFoundError:
        yield "problem", "The time zone Asia/Shanghai is unknown here: install tzdata."
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        yield "note", "The name localhost does not resolve; the platform uses 127.0.0.1 and does not mind."
    if not os.access(SHARED_MEMORY, os.W_OK):
        yield "problem", f"{SHARED_MEMORY} cannot be written, and the worker's processes meet there: make it mode 1777."
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("nobody")
        except KeyError:
            yield (
                "problem",
                "PostgreSQL refuses root and there is no user 'nobody': run ./hospital as an ordinary user.",
            )
        else:
            yield "note", "You are root: the embedded PostgreSQL will run as 'nobody'."


def data(folder: DataFolder) -> Iterator[Verdict]:
    """Look at the data folder, without making it."""
    nearest = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        yield "problem", f"{nearest} cannot be written: choose another --data, or ask its owner."
    free = shutil.disk_usage(nearest).free
    if free < DISK_BYTES_MIN:
        yield "problem", f"Only {free >> 20} MB of disk is free at {nearest}; 2 GB or more is wanted."
    for cluster in folder.root.glob("pg[0-9]*"):
        major = cluster.name.removeprefix("pg")
        if major.isdigit() and major != postgres.MAJOR:
            beside = f"this version uses {postgres.MAJOR} and makes a cluster beside it"
            yield "note", f"{cluster} is of PostgreSQL {major}; {beside}. docs/operations.md says how to move the data."
    yield "ok", f"The data folder is {folder.root}, with {free >> 30} GB free."


def pages(project: Path = frontend.PROJECT) -> Iterator[Verdict]:
    """Look at the patients' pages: the platform runs without, but then nobody can use them."""
    if frontend.is_current("h5", project):
        yield "ok", "The patients' pages are built."
    elif frontend.is_built("h5", project):
        yield "note", "The patients' pages were built of other sources; ./hospital up builds them anew."
    elif frontend.find_node():
        yield "note", "The patients' pages are not built; ./hospital up builds them, or ./hospital build --target h5."
    else:
        yield "note", "The patients' pages are not built, and there is no Node; ./hospital up fetches one."


def stores(environment: Mapping[str, str]) -> Iterator[Verdict]:
    """Look at PostgreSQL and Valkey: those given from outside, or our own programs."""
    if url := environment.get("DATABASE_URL"):
        yield from asyncio.run(_database(url))
    else:
        yield from _embedded_postgres()
    if url := environment.get("REDIS_URL"):
        yield _redis(url)
    else:
        try:
            valkey.program()
        except valkey.ValkeyUnusable as error:
            yield "problem", str(error)
        else:
            yield "ok", "The embedded Valkey runs here."


def _embedded_postgres() -> Iterator[Verdict]:
    try:
        postgres.require_runnable()
    except postgres.PostgresUnusable as error:
        yield "problem", str(error)
    else:
        yield "ok", f"The embedded PostgreSQL {postgres.VERSION} runs here."


async def _database(url: str) -> list[Verdict]:
    """Ask an external PostgreSQL what the platform needs of it."""
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS_MAX)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [("problem", f"DATABASE_URL leads nowhere: {error or type(error).__name__}.")]
    try:
        found: list[Verdict] = [("ok", "DATABASE_URL answers.")]
        version = int(await connection.fetchval("SHOW server_version_num"))
        if version < POSTGRES_OLDEST:
            found.append(("problem", f"DATABASE_URL is PostgreSQL {version // 10000}; 15 or later is needed."))
        if await connection.fetchval("SHOW server_encoding") != "UTF8":
            found.append(("problem", "The database of DATABASE_URL is not in UTF-8; make it with ENCODING 'UTF8'."))
        if await connection.fetchval("SHOW fsync") != "on":
            found.append(("problem", "fsync is off in DATABASE_URL: a power cut would lose acknowledged bookings."))
        known = {row["name"] for row in await connection.fetch("SELECT name FROM pg_available_extensions")}
        missing = [name for name in EXTENSIONS if name not in known]
        if missing:
            found.append(
                ("problem", f"The server of DATABASE_URL lacks {', '.join(missing)}: install postgresql-contrib.")
            )
        return found
    finally:
        await connection.close()


def _redis(url: str) -> Verdict:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS_MAX, socket_connect_timeout=ANSWER_SECONDS_MAX
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        return "problem", f"REDIS_URL leads nowhere: {error}."
    return "ok", "REDIS_URL answers."


def settings(environment: Mapping[str, str]) -> Iterator[Verdict]:
    """Look at the settings as the platform's processes would."""
    if environment.get("MODE", "sandbox") == "sandbox" and not environment.get("DATABASE_URL"):
        yield "ok", "Sandbox mode: ./hospital up makes its own settings."
        return
    try:
        found = Settings.from_environment(environment)
    except SettingsError as error:
        yield "problem", f"The settings are refused: {error}"
        return
    yield "ok", f"The settings of {found.mode} mode are complete."
    if found.production:
        yield from _keys(found.keys_dir)
        yield from _short_messages(found)


def _keys(folder: Path) -> Iterator[Verdict]:
    for name in (keys.SIGNING_KEY, keys.FIELD_KEY, keys.LOOKUP_KEY):
        path = folder / name
        if not path.is_file():
            yield "problem", f"{path} is missing; docs/operations.md says how to make it."
        elif path.stat().st_mode & 0o077:
            yield "problem", f"{path} can be read by others: chmod 600 it."


def _short_messages(found: Settings) -> Iterator[Verdict]:
    if found.sms is None:
        yield "note", "No gateway for short messages is set: nobody gets a code by text message. See docs/sms.md."
        return
    for name, reference in (("SMS_SECRET_ID", found.sms.secret_id), ("SMS_SECRET_KEY", found.sms.secret_key)):
        try:
            Secrets(found.keys_dir).read(reference)
        except SecretMissing:
            yield "problem", f"There is nothing where {name} says ({reference}); docs/sms.md says what belongs there."


def running(folder: DataFolder) -> Iterator[Verdict]:
    """Look at the platform that runs in the data folder, if one does."""
    try:
        answer = ask(folder, {"command": "status"})
    except (control.NotRunning, FileNotFoundError):
        port = folder.load_state().ports.get("http", PORT_USUAL)
        if not is_free("127.0.0.1", port):
            yield "note", f"Port {port} is used by another program; ./hospital up will choose another one."
        yield "note", "The platform is not running."
        return
    down = [one["name"] for one in answer["processes"] if one["state"] != "running"]
    if down:
        yield "problem", f"These processes do not serve: {', '.join(down)}. See ./hospital logs."
    else:
        yield "ok", f"The platform is running: {len(answer['processes'])} processes serve."
    for one in answer["processes"]:
        if one["restarts"]:
            yield "note", f"{one['name']} was restarted {one['restarts']} times; see ./hospital logs {one['name']}."
