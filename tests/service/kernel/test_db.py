"""Transactions: all or nothing, what happens after the commit, and what callers are told when it goes wrong."""

import asyncio
import threading

import asyncpg
import pytest

from kernel.audit import record_change
from kernel.db import Database, DatabaseBusy, DatabaseUnavailable, parse_url
from kernel.events import Actor

ACTOR = Actor(client_id="slot-office", channel="window", kind="internal", staff_code="S0001", request_id="r-1")
INSERT = "INSERT INTO his_cursor (name, position, updated_at) VALUES ($1, 1, now())"


async def names(db: Database) -> list[str]:
    return [row["name"] for row in await db.fetch("SELECT name FROM his_cursor ORDER BY name")]


async def test_what_follows_a_commit_runs_once_and_only_after_it(database: Database) -> None:
    heard: list[str] = []

    def tell() -> None:
        heard.append("told")

    async with database.transaction() as tx:
        await tx.execute(INSERT, "a")
        tx.after_commit(tell)
        tx.after_commit(tell)
        assert heard == []
    assert heard == ["told"]


async def test_a_failed_transaction_leaves_nothing_and_tells_nobody(database: Database) -> None:
    heard: list[str] = []

    async def fail() -> None:
        async with database.transaction() as tx:
            await tx.execute(INSERT, "a")
            tx.after_commit(lambda: heard.append("told"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await names(database) == []
    assert heard == []


async def test_two_who_block_each_other_end_as_one_done_and_one_told_to_try_again(database: Database) -> None:
    for name in ("a", "b"):
        await database.execute(INSERT, name)
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> str:
        async with database.transaction() as tx:
            await tx.execute("UPDATE his_cursor SET position = 2 WHERE name = $1", first)
            await both_hold_one.wait()
            await tx.execute("UPDATE his_cursor SET position = 2 WHERE name = $1", second)
        return "done"

    answers = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == [DatabaseBusy.__name__, "str"]


async def test_a_connection_that_the_server_ends_is_told_as_unavailable_and_replaced(database: Database) -> None:
    async def die() -> None:
        async with database.transaction() as tx:
            await tx.execute(INSERT, "a")
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await die()
    assert await names(database) == []
    async with database.transaction() as tx:
        await tx.execute(INSERT, "b")
    assert await names(database) == ["b"]


async def test_when_the_server_has_ended_every_connection_one_failure_is_enough_to_replace_them(
    database: Database, database_url: str
) -> None:
    size = database.pool.get_max_size()
    await asyncio.gather(*(database.fetchval("SELECT pg_sleep(0.05)") for _ in range(size)))
    end_connections(database_url)

    answers = []
    for _ in range(3):
        try:
            answers.append(await database.fetchval("SELECT 1"))
        except DatabaseUnavailable:
            answers.append("unavailable")
    assert answers[1:] == [1, 1]


async def test_a_mistake_of_ours_is_not_taken_for_an_outage(database: Database) -> None:
    with pytest.raises(asyncpg.InternalClientError, match="no decoder for composite type"):
        await database.fetchval("SELECT ROW(ARRAY[1, 2])")
    with pytest.raises(asyncpg.DataError):
        await database.fetchval("SELECT $1::integer", "not a number")
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetchval("SELECT 1 FROM no_such_table")


async def test_transactions_that_cannot_begin_give_their_connections_back(
    database: Database, database_url: str
) -> None:
    failed = 0
    for _ in range(database.pool.get_max_size() + 2):
        await _touch(database)
        end_connections(database_url)
        try:
            await _touch(database)
        except DatabaseUnavailable:
            failed += 1
    assert failed > 0

    async with asyncio.timeout(20):
        await asyncio.gather(*(_touch(database) for _ in range(30)))


def end_connections(url: str) -> None:
    """Let the server end every connection while this event loop stands still, so that none can notice."""

    async def end() -> None:
        outsider = await asyncpg.connect(url)
        await outsider.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await outsider.close()

    aside = threading.Thread(target=lambda: asyncio.run(end()))
    aside.start()
    aside.join()


async def _touch(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("SELECT 1")


async def test_json_goes_in_as_values_or_text_and_comes_out_as_values(database: Database) -> None:
    given = {"zh": "号源", "n": 1, "none": None}

    assert await database.fetchval("SELECT $1::jsonb", given) == given
    assert await database.fetchval("SELECT $1::jsonb", '{"n": 1}') == {"n": 1}


async def test_who_changed_a_rule_is_kept_and_cannot_be_rewritten(database: Database) -> None:
    async with database.transaction() as tx:
        await record_change(
            tx, entity="pool", entity_id="common", action="updated", before={"n": 1}, after={"n": 2}, actor=ACTOR
        )

    [row] = await database.fetch("SELECT * FROM change_log")
    assert (row["before"], row["after"]) == ({"n": 1}, {"n": 2})
    assert (row["client_id"], row["staff_code"], row["request_id"]) == ("slot-office", "S0001", "r-1")
    for statement in ("UPDATE change_log SET client_id = 'x'", "DELETE FROM change_log", "TRUNCATE change_log"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await database.execute(statement)


@pytest.mark.parametrize("table", ["booking_event", "patient_event", "dead_letter_action"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}"])
async def test_history_cannot_be_rewritten(database: Database, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await database.execute(statement.format(table))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://u%40x:p%3A1@db:5433/h?sslmode=require",
            {"host": "db", "port": 5433, "user": "u@x", "password": "p:1", "database": "h", "ssl": "require"},
        ),
        (
            "postgres:///hospital?host=/run/postgresql&port=6000",
            {"host": "/run/postgresql", "port": 6000, "user": "postgres", "password": None, "database": "hospital"},
        ),
    ],
)
def test_a_database_address_is_taken_apart(url: str, expected: dict[str, object]) -> None:
    assert parse_url(url) == expected


def test_another_databases_address_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        parse_url("mysql://x/y")
