"""PostgreSQL: one asyncpg pool that the ORM and our own statements share, and transactions that both join.

`jsonb` and `json` come and go as Python values; strings given for them are taken as JSON text already.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol, cast
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import orjson
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.connection import get_connections

from kernel.errors import Unavailable

CONNECT_SECONDS_MAX = 5.0
STATEMENT_SECONDS_MAX = 30.0

# What tells that the server is away, as opposed to that our statement is wrong.
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # Of these only the one that says HALF_BROKEN; the others are mistakes of ours.
    asyncpg.InternalClientError,
    ConnectionError,
    OSError,
    TimeoutError,
)

# What asyncpg says of a connection that has heard of the server's end but not yet of its own.
HALF_BROKEN = "cannot switch to state"

Row = asyncpg.Record


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is out of reach; nothing was changed, or it is not known whether it was."""

    code = "kernel.database_unavailable"
    zh = "系统繁忙，请稍后再试"
    en = "The service is busy. Please try again in a moment."


class DatabaseBusy(Unavailable):
    """Two transactions stood in each other's way and this one gave way; nothing was changed."""

    code = "kernel.database_busy"
    zh = "系统繁忙，请稍后再试"
    en = "The service is busy. Please try again in a moment."


class Reader(Protocol):
    """What a read needs: the database, a transaction or a session, whichever the caller is in."""

    async def fetch(self, query: str, *args: object) -> list[Row]:
        """Run a statement and give its rows."""
        ...


class Transaction:
    """One database transaction, with what shall happen once it has been committed."""

    __slots__ = ("_after_commit", "connection")

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._after_commit: list[Callable[[], None]] = []

    async def fetch(self, query: str, *args: object) -> list[Row]:
        """Run a statement and give its rows."""
        return await self.connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> Row | None:
        """Run a statement and give its first row."""
        return await self.connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        """Run a statement and give the first column of its first row."""
        return await self.connection.fetchval(query, *args)

    async def execute(self, query: str, *args: object) -> int:
        """Run a statement and give the number of rows it touched."""
        return _touched(await self.connection.execute(query, *args))

    async def executemany(self, query: str, args: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each set of arguments."""
        await self.connection.executemany(query, args)

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """Load many rows by COPY."""
        await self.connection.copy_records_to_table(table, columns=columns, records=records)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once, after the commit; the same action asked for twice runs once."""
        if action not in self._after_commit:
            self._after_commit.append(action)

    def committed(self) -> None:
        """Run what was put off until the commit."""
        for action in self._after_commit:
            action()


class Session:
    """One connection kept for several statements, each of its own."""

    __slots__ = ("_connection", "_unavailable")

    def __init__(
        self, connection: asyncpg.Connection, unavailable: Callable[[BaseException], Awaitable[BaseException]]
    ) -> None:
        self._connection = connection
        self._unavailable = unavailable

    async def fetch(self, query: str, *args: object) -> list[Row]:
        """Run a statement of its own and give its rows.

        Raises:
            DatabaseUnavailable: the server is away; what the statement did is not known.
        """
        try:
            return await self._connection.fetch(query, *args)
        except GONE as error:
            raise await self._unavailable(error) from error


class Database:
    """The platform's PostgreSQL."""

    def __init__(self) -> None:
        self._client: AsyncpgDBClient | None = None

    async def open(self, url: str, *, min_size: int = 1, max_size: int = 10, models: Sequence[str] = ()) -> None:
        """Open the pool and tell the ORM which model modules exist.

        Raises:
            DatabaseUnavailable: the server does not answer.
        """
        credentials = parse_url(url) | {
            "minsize": min_size,
            "maxsize": max_size,
            "init": _prepare_connection,
            "reset": _keep_session,
            "timeout": CONNECT_SECONDS_MAX,
            "command_timeout": STATEMENT_SECONDS_MAX,
            # What PostgreSQL writes out itself, as JSON, is in UTC too.
            "server_settings": {"timezone": "UTC"},
        }
        await Tortoise.init(
            config={
                "connections": {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}},
                "apps": {"models": {"models": ["kernel.models", *models], "default_connection": "default"}},
                "use_tz": True,
                "timezone": "UTC",
            },
            _enable_global_fallback=True,
        )
        self._client = cast(AsyncpgDBClient, Tortoise.get_connection("default"))
        try:
            await self._client.create_connection(with_db=True)
        except GONE as error:
            raise DatabaseUnavailable from error

    async def close(self) -> None:
        """Give the connections back."""
        await Tortoise.close_connections()
        self._client = None

    @property
    def pool(self) -> asyncpg.Pool:
        """The pool itself, for the hot paths."""
        assert self._client is not None, "open_database() runs at start-up"
        assert self._client._pool is not None  # noqa: SLF001  the ORM has no public name for its pool
        return self._client._pool  # noqa: SLF001  the same

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Run a transaction (READ COMMITTED); ORM calls inside join it, an exception rolls it back.

        Raises:
            DatabaseUnavailable: the server went away; whether a commit under way took effect is not known.
        """
        try:
            async with self.pool.acquire() as proxy, proxy.transaction():
                connection = cast(asyncpg.Connection, proxy)
                tx = Transaction(connection)
                with self._seen_by_orm(connection):
                    yield tx
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError) as error:
            raise DatabaseBusy from error
        except GONE as error:
            raise await self._unavailable(error) from error
        tx.committed()

    @contextmanager
    def _seen_by_orm(self, connection: asyncpg.Connection) -> Iterator[None]:
        """Let ORM calls use a transaction's connection.

        Not by the ORM's own `in_transaction`: where BEGIN fails or is cancelled, that one never gives the connection
        back, and a process that lost its database a few times would wait for a free connection for ever.
        """
        assert self._client is not None, "open_database() runs at start-up"
        known = get_connections()
        assert not isinstance(known.get("default"), TransactionWrapper), "a transaction inside another"
        wrapper = TransactionWrapper(self._client)
        wrapper._connection = connection  # noqa: SLF001  as the ORM's own context does it
        token = known.set("default", wrapper)
        try:
            yield
        finally:
            known.reset(token)

    async def _unavailable(self, error: BaseException) -> BaseException:
        """Give the error for callers, and let every connection be made anew before its next use.

        When one has broken the others have too, but each would have to fail once before that is noticed.
        """
        if isinstance(error, asyncpg.InternalClientError) and not str(error).startswith(HALF_BROKEN):
            return error
        if not isinstance(error, TimeoutError | asyncpg.TooManyConnectionsError):
            await self.pool.expire_connections()
        return DatabaseUnavailable()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Keep one connection for several statements: taking one and giving it back costs more than a small read.

        Raises:
            DatabaseUnavailable: no connection is to be had.
        """
        try:
            async with self.pool.acquire() as connection:
                yield Session(cast(asyncpg.Connection, connection), self._unavailable)
        except GONE as error:
            raise await self._unavailable(error) from error

    async def fetch(self, query: str, *args: object) -> list[Row]:
        """Run a statement of its own and give its rows.

        Raises:
            DatabaseUnavailable: the server is away.
        """
        try:
            return await self.pool.fetch(query, *args)
        except GONE as error:
            raise await self._unavailable(error) from error

    async def fetchrow(self, query: str, *args: object) -> Row | None:
        """Run a statement of its own and give its first row.

        Raises:
            DatabaseUnavailable: the server is away.
        """
        try:
            return await self.pool.fetchrow(query, *args)
        except GONE as error:
            raise await self._unavailable(error) from error

    async def fetchval(self, query: str, *args: object) -> Any:
        """Run a statement of its own and give one value.

        Raises:
            DatabaseUnavailable: the server is away.
        """
        try:
            return await self.pool.fetchval(query, *args)
        except GONE as error:
            raise await self._unavailable(error) from error

    async def execute(self, query: str, *args: object) -> int:
        """Run a statement of its own and give the number of rows it touched.

        Raises:
            DatabaseUnavailable: the server is away.
        """
        try:
            return _touched(await self.pool.execute(query, *args))
        except GONE as error:
            raise await self._unavailable(error) from error


_database = Database()


async def open_database(url: str, *, min_size: int = 1, max_size: int = 10, models: Sequence[str] = ()) -> Database:
    """Open this process's database.

    Raises:
        DatabaseUnavailable: the server does not answer.
    """
    await _database.open(url, min_size=min_size, max_size=max_size, models=models)
    return _database


def database() -> Database:
    """Give this process's database."""
    return _database


def parse_url(url: str) -> dict[str, Any]:
    """Split `postgres://user:password@host:port/name?option=value` into what a connection wants.

    Raises:
        ValueError: not a PostgreSQL address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must begin with postgresql://")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    result: dict[str, Any] = {
        "host": options.pop("host", None) or parts.hostname or "127.0.0.1",
        "port": parts.port or int(options.pop("port", 5432)),
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or "") or None,
        "database": unquote(parts.path.lstrip("/")) or "postgres",
    }
    if "sslmode" in options:
        result["ssl"] = options["sslmode"]
    return result


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    for name in ("jsonb", "json"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_encode_json, decoder=orjson.loads, format="text"
        )


async def _keep_session(_connection: asyncpg.Connection) -> None:
    """Leave the session as it is: nothing here sets session state, and the default reset costs a round trip."""


def _encode_json(value: object) -> str:
    # The ORM hands over JSON text; our own statements hand over values.
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _touched(status: str) -> int:
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
