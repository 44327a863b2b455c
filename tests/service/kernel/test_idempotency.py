"""Same key, same request, same answer: also when both are asked at the same moment."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.db import Database
from kernel.idempotency import Idempotency, IdempotencyMismatch, purge_keys

FIELDS = {"patient_id": "aa", "slot_id": "bb"}


def key(
    name: str = "k1", *, client: str = "portal", operation: str = "POST /holds", fields: dict[str, str] | None = None
) -> Idempotency:
    return Idempotency(client, name, operation, FIELDS if fields is None else fields)


async def serve(db: Database, asked: Idempotency, effect: str, *, pause: float = 0) -> dict[str, Any]:
    """Do something once under a key, as features do."""
    async with db.transaction() as tx:
        if stored := await asked.replay(tx):
            return stored
        await asyncio.sleep(pause)
        await tx.execute("INSERT INTO his_cursor (name, position, updated_at) VALUES ($1, 1, now())", effect)
        result = {"effect": effect}
        await asked.remember(tx, result)
        return result


async def count(db: Database) -> tuple[int, int]:
    return (
        await db.fetchval("SELECT count(*) FROM idempotency_key"),
        await db.fetchval("SELECT count(*) FROM his_cursor"),
    )


async def test_a_repeated_request_gets_the_first_answer_and_no_second_effect(database: Database) -> None:
    assert await serve(database, key(), "first") == {"effect": "first"}
    assert await serve(database, key(), "second") == {"effect": "first"}
    assert await count(database) == (1, 1)


async def test_a_request_that_arrives_while_the_first_runs_waits_for_its_answer(database: Database) -> None:
    answers = await asyncio.gather(*(serve(database, key(), f"e{n}", pause=0.05) for n in range(8)))

    assert len({answer["effect"] for answer in answers}) == 1
    assert await count(database) == (1, 1)


async def test_keys_of_different_clients_do_not_meet(database: Database) -> None:
    answers = await asyncio.gather(
        serve(database, key(client="portal"), "portal"), serve(database, key(client="kiosk"), "kiosk")
    )

    assert [answer["effect"] for answer in answers] == ["portal", "kiosk"]
    assert await count(database) == (2, 2)


async def test_what_did_not_take_effect_is_not_remembered(database: Database) -> None:
    class Refusal(Exception):
        pass

    async def refuse() -> None:
        async with database.transaction() as tx:
            assert await key().replay(tx) is None
            await tx.execute("INSERT INTO his_cursor (name, position, updated_at) VALUES ('x', 1, now())")
            await key().remember(tx, {"effect": "x"})
            raise Refusal

    with pytest.raises(Refusal):
        await refuse()
    assert await count(database) == (0, 0)
    assert await serve(database, key(), "later") == {"effect": "later"}


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (key(fields={"patient_id": "aa", "slot_id": "cc"}), "slot_id"),
        (key(fields={"patient_id": "zz", "slot_id": "zz"}), "patient_id"),
        (key(fields={"patient_id": "aa"}), "slot_id"),
        (key(fields=FIELDS | {"reason": "dd"}), "reason"),
        (key(operation="POST /appointments"), "operation"),
    ],
)
async def test_another_request_under_the_same_key_is_refused_and_changes_nothing(
    database: Database, other: Idempotency, field: str
) -> None:
    await serve(database, key(), "first")

    with pytest.raises(IdempotencyMismatch) as refusal:
        await serve(database, other, "second")

    assert refusal.value.details == {"field": field}
    assert await count(database) == (1, 1)


async def test_keys_are_forgotten_after_their_time_a_bounded_number_at_once(database: Database) -> None:
    for n in range(5):
        await serve(database, key(f"k{n}"), f"e{n}")
    now = clock.now()

    assert await purge_keys(database, before=now - timedelta(days=7)) == 0
    assert await purge_keys(database, before=now + timedelta(seconds=1), limit=2) == 2
    assert await purge_keys(database, before=now + timedelta(seconds=1)) == 3
