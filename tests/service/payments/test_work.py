"""The worker's letters: one at a time for each row, none lost, none that holds up others; and the gauges that watch."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from kernel import clock
from kernel.boxes import Lease
from kernel.outbox import OUTBOX
from payments import expiry, work
from payments.events import HANDLER
from payments.gateways.errors import ChannelUnavailable
from payments.gateways.port import PaymentFact
from payments.metrics import forget_gauges, refresh_gauges
from tests.factories.payments import PaymentsUnderTest


async def letters(payments: PaymentsUnderTest) -> list[tuple[str, str, str | None]]:
    rows = await payments.db.fetch("SELECT * FROM outbox WHERE handler = $1 ORDER BY id", HANDLER)
    return [(row["event_type"], row["status"], row["last_error"]) for row in rows]


async def claim(payments: PaymentsUnderTest) -> Lease:
    lease = await OUTBOX.claim(payments.db, HANDLER, limit=100, lease_seconds=20)
    assert lease is not None
    return lease


async def test_without_a_worker_one_letter_waits_for_each_row(payments: PaymentsUnderTest) -> None:
    await payments.attempt(await payments.order())
    start = clock.now()
    for minute in range(1, 6):
        with clock.frozen(start + timedelta(minutes=minute)):
            assert await expiry.ask_due(payments.db) == 1
    assert await letters(payments) == [("attempt.query", "pending", None)]


async def test_a_step_that_breaks_is_noted_and_taken_again_when_it_is_due(
    payments: PaymentsUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    payments.wechat.pay(attempt.attempt_no)

    async def broken(attempt_no: str) -> PaymentFact:
        raise LookupError(attempt_no)

    with monkeypatch.context() as patch:
        patch.setattr(payments.wechat, "query", broken)
        await payments.pass_time(until=timedelta(minutes=1))
        assert {note for _, _, note in await letters(payments)} == {"LookupError"}
        assert {status for _, status, _ in await letters(payments)} == {"done"}
    await payments.pass_time(until=timedelta(minutes=2))
    assert (await payments.look(order)).status == "settled"
    await payments.require_sound()


async def test_what_a_batch_has_no_time_for_goes_back(
    payments: PaymentsUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(work.LANES + 3):
        await payments.attempt(await payments.order())

    async def hang(_attempt_no: str) -> PaymentFact:
        await asyncio.sleep(60)
        raise ChannelUnavailable

    monkeypatch.setattr(payments.wechat, "query", hang)
    monkeypatch.setattr(work, "BATCH_SECONDS_MAX", 0.2)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        await expiry.ask_due(payments.db)
        assert await payments.work.work(await claim(payments)) == 0
        again = await claim(payments)
        assert len(again.letter_ids) == 3


async def test_gauges_show_what_waits(payments: PaymentsUnderTest) -> None:
    payments.his.silent = True
    await payments.paid()
    await payments.order()
    await refresh_gauges(payments.db)

    def shown(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, labels)

    assert shown("payment_unfinished_orders", status="paid") == 1
    assert shown("payment_unfinished_orders", status="open") == 1
    assert shown("payment_unsealed_entries") == 1
    assert shown("payment_recent_step_faults") == 0
    forget_gauges()
    assert shown("payment_unfinished_orders", status="paid") is None
