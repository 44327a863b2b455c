"""What becomes of letters when the HIS says yes, no, nothing at all, or goes away in between."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from integration.codecs.hl7v2_header import AckError
from integration.his import dead_letters, link
from integration.his.delivery import (
    HANDLER,
    LANES,
    MALFORMED_TRIES_MAX,
    PATIENT_REFUSALS_MAX,
    REFUSALS_MAX,
    Delivery,
)
from integration.his.errors import DeadLetterNotFound, DeadLetterReasonMissing
from integration.his.metrics import refresh_gauges
from integration.his.subscriptions import Verdict
from kernel import clock
from kernel.db import Database
from tests.factories.his_double import HisDouble
from tests.service.integration.his.conftest import Feature, claim, deliver, post, statuses


async def test_an_accepted_letter_is_done_and_its_feature_knows_the_his_number(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature
) -> None:
    letter = await post(database, "a")
    message_id = await database.fetchval("SELECT message_id FROM outbox")

    await deliver(database, delivery)

    assert his.told == [("A28", str(message_id))]
    assert feature.accepted == [(letter, "H1")]
    assert await statuses(database) == [(letter, "done")]


async def test_a_letter_with_nothing_to_tell_any_more_is_done(
    database: Database, delivery: Delivery, his: HisDouble
) -> None:
    letter = await post(database, "gone")

    await deliver(database, delivery)

    assert his.heard == []
    assert await statuses(database) == [(letter, "done")]


async def test_a_worker_that_died_after_sending_doubles_nothing(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature
) -> None:
    letter = await post(database, "a")
    lease = await claim(database)
    assert lease is not None
    # It sends, and dies before it can write the outcome down.
    original, feature_accepted = delivery._record_accepted, feature.accepted

    async def die(*_: object, **__: object) -> None:
        raise ConnectionAbortedError

    delivery._record_accepted = die  # type: ignore[method-assign]  # it dies here only
    with pytest.raises(ConnectionAbortedError):
        await delivery.deliver_batch(lease)
    delivery._record_accepted = original  # type: ignore[method-assign]  # lives again

    with clock.frozen(clock.now() + timedelta(seconds=31)):
        await deliver(database, delivery)

    assert len(his.heard) == 2
    assert len(his.applied) == 1
    assert feature_accepted == [(letter, "H1")]
    assert await statuses(database) == [(letter, "done")]


async def test_while_the_his_is_down_everything_waits_and_nothing_dies(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature
) -> None:
    letters = [await post(database, f"p{n}") for n in range(30)]
    behind = await post(database, "p0")
    await his.stop()
    start = clock.now()

    for minute in range(60):
        with clock.frozen(start + timedelta(minutes=minute)):
            state = await link.read_link(database, HANDLER)
            size = state.batch_size(100, at=clock.now())
            lease = await claim(database, limit=size)
            assert lease is not None
            assert len(lease.letter_ids) == (30 if minute == 0 else 1)
            await delivery.deliver_batch(lease)

    assert {status for _, status in await statuses(database)} == {"pending"}
    assert await database.fetchval("SELECT max(refusals) FROM outbox") == 0
    state = await link.read_link(database, HANDLER)
    assert state.failures == 60
    assert state.down_since == start

    with clock.frozen(start + timedelta(hours=1)):
        await refresh_gauges(database)
        assert REGISTRY.get_sample_value("his_link_up") == 0
        assert REGISTRY.get_sample_value("his_link_down_seconds") == 3600
        assert REGISTRY.get_sample_value("his_backlog_letters", {"box": "outbox"}) == 31
        await his.start()
        while await deliver(database, delivery):
            pass

    assert len(his.applied) == 31
    assert await statuses(database) == [(n, "done") for n in [*letters, behind]]
    assert (await link.read_link(database, HANDLER)).down_since is None
    await refresh_gauges(database)
    assert REGISTRY.get_sample_value("his_link_up") == 1
    assert REGISTRY.get_sample_value("his_backlog_letters", {"box": "outbox"}) == 0


async def test_silence_stops_a_batch_at_once(database: Database, delivery: Delivery, his: HisDouble) -> None:
    for n in range(30):
        await post(database, f"p{n}")
    his.answers = False

    await deliver(database, delivery)

    assert len(set(his.heard)) == LANES
    assert await database.fetchval("SELECT count(*) FROM outbox WHERE attempts = 0") == 30 - LANES


async def test_a_his_that_was_restarted_is_found_again_within_the_batch(
    database: Database, delivery: Delivery, his: HisDouble
) -> None:
    await post(database, "a")
    await deliver(database, delivery)
    await his.stop()
    await his.start()
    await post(database, "b")

    await deliver(database, delivery)

    assert len(his.applied) == 2


async def test_an_internal_error_of_the_his_is_not_its_no(
    database: Database, delivery: Delivery, his: HisDouble
) -> None:
    letter = await post(database, "a")
    his.judge = lambda _: AckError("207", "database gone")

    await deliver(database, delivery)

    assert await statuses(database) == [(letter, "pending")]
    assert await database.fetchval("SELECT refusals FROM outbox") == 0


async def test_a_refusal_that_the_feature_compensates_is_settled(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature
) -> None:
    letter = await post(database, "a")
    his.judge = lambda _: AckError("seat_taken", "号源已被占用")

    await deliver(database, delivery)

    assert feature.rejected == [(letter, "seat_taken")]
    assert await statuses(database) == [(letter, "done")]
    assert await database.fetchval("SELECT last_error FROM outbox") == "seat_taken: 号源已被占用"


@pytest.mark.parametrize(
    ("verdict", "answer", "tries"),
    [
        (Verdict.UNSETTLED, AckError("odd", "odd"), REFUSALS_MAX),
        (Verdict.RETRY, AckError("schedule_unknown", "later"), PATIENT_REFUSALS_MAX),
        (Verdict.SETTLED, AckError("102", "unreadable", "", "HL70357"), MALFORMED_TRIES_MAX),
    ],
)
async def test_a_refusal_that_nobody_settles_becomes_a_dead_letter_after_its_tries(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature,
    verdict: Verdict, answer: AckError, tries: int,
) -> None:  # fmt: skip
    letter, behind, other = [await post(database, name) for name in ("a", "a", "b")]
    feature.verdict = verdict
    his.judge = lambda message: answer if "||a^" in message.required("PID").encode() else None

    for turn in range(tries):
        assert (letter, "pending") in await statuses(database)
        with clock.frozen(clock.now() + timedelta(minutes=2 * turn)):
            await deliver(database, delivery)

    assert await statuses(database) == [(letter, "dead"), (behind, "pending"), (other, "done")]


async def test_a_person_replays_or_skips_a_dead_letter_with_a_reason(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature
) -> None:
    letter, behind = [await post(database, "a") for _ in range(2)]
    feature.verdict = Verdict.UNSETTLED
    his.judge = lambda _: AckError("odd", "odd")
    for turn in range(REFUSALS_MAX):
        with clock.frozen(clock.now() + timedelta(minutes=2 * turn)):
            await deliver(database, delivery)

    (dead,) = await dead_letters.list_dead_letters(database)
    assert (dead.box, dead.id, dead.last_error, dead.held_up) == ("outbox", letter, "odd: odd", 1)
    with pytest.raises(DeadLetterReasonMissing):
        await dead_letters.skip_dead_letter(database, box="outbox", letter_id=letter, person="root", reason="  ")
    with pytest.raises(DeadLetterNotFound):
        await dead_letters.replay_dead_letter(database, box="outbox", letter_id=behind, person="root", reason="x")

    his.judge = lambda _: None
    await dead_letters.replay_dead_letter(
        database, box="outbox", letter_id=letter, person="root", reason="HIS was mended"
    )
    while await deliver(database, delivery):
        pass

    assert await statuses(database) == [(letter, "done"), (behind, "done")]
    assert [tuple(row) for row in await database.fetch(
        "SELECT box, row_id, action, person, reason FROM dead_letter_action"
    )] == [("outbox", letter, "replay", "root", "HIS was mended")]  # fmt: skip


async def test_one_letter_that_its_feature_cannot_take_holds_up_no_other(
    database: Database, delivery: Delivery, his: HisDouble, feature: Feature
) -> None:
    letters = [await post(database, name) for name in ("a", "b", "c")]
    feature.fail_on = "b"

    await deliver(database, delivery)

    assert [letter for letter, _ in feature.accepted] == [letters[0], letters[2]]
    assert [status for _, status in await statuses(database)] == ["done", "pending", "done"]


async def test_a_letter_that_nobody_loads_waits_for_a_person(
    database: Database, delivery: Delivery, his: HisDouble
) -> None:
    letter = await post(database, "a", event_type="of.no.feature")
    for turn in range(MALFORMED_TRIES_MAX):
        with clock.frozen(clock.now() + timedelta(minutes=2 * turn)):
            await deliver(database, delivery)

    assert await statuses(database) == [(letter, "dead")]
    assert his.heard == []
