"""The timetable and the feed of events do their part for payments."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from booking import notices
from kernel import clock, crypto
from kernel.db import Database
from kernel.secrets import SecretMissing
from kernel.settings import Settings
from payments.gateways.insurance.centre import MobilePaymentCentre
from payments.gateways.port import ChannelCode, Merchant
from payments.insurance.centres import centre_of, close_centres
from payments.insurance.fulfilment import WithInsurance
from payments.merchants import gateway_of
from payments.ports import fulfilment_of
from payments.work import PaymentWork
from runtime.payments import TOLD_TO_PARTNERS, build_subscribers, connect_payments
from runtime.sandbox_channels import describe_insurance_account, open_insurance_account
from runtime.worker.jobs import build_jobs
from runtime.worker.relay import build_queues
from runtime.worker.timetable import Job, Timetable
from tests.factories.keys import write_keys
from tests.factories.payments import PaymentsUnderTest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"DATABASE_URL": "postgresql://unused", "KEYS_DIR": str(tmp_path)})


@pytest.fixture
def jobs(database: Database, settings: Settings, tmp_path: Path) -> dict[str, Job]:
    cipher = crypto.load_cipher(write_keys(tmp_path / "keys"))
    return {job.name: job for job in build_jobs(database, settings, cipher=cipher)}


async def test_the_timetable_ends_orders_asks_channels_seals_and_checks(
    database: Database, jobs: dict[str, Job]
) -> None:
    payments = await PaymentsUnderTest(database).build()
    timetable = Timetable(database, list(jobs.values()))
    unpaid, order = await payments.order(), await payments.order()
    await payments.attempt(unpaid)
    paid = await payments.attempt(order)
    payments.wechat.pay(paid.attempt_no)

    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert await timetable.start_if_due(jobs["ask_payment_channels"])
        await payments.settle_down()
        assert (await payments.look(order)).status == "settled"
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        for name in ("expire_orders", "seal_ledger", "check_payment_invariants", "check_whole_ledger"):
            assert await timetable.start_if_due(jobs[name])
        await payments.settle_down()
        assert (await payments.look(unpaid)).status == "closed"

    # Transactions of any database of the server hold a seal back: the tests beside this one.
    for _ in range(600):
        if await database.fetchval("SELECT max(position) FROM ledger_link") == 2:
            break
        await asyncio.sleep(0.05)
        await jobs["seal_ledger"].run()
    assert await database.fetchval("SELECT max(position) FROM ledger_link") == 2
    assert await database.fetchval("SELECT sum(findings) FROM payment_check") == 0
    assert await database.fetch("SELECT name FROM timed_job WHERE last_error IS NOT NULL") == []


async def test_the_application_that_made_an_order_reads_of_it_in_the_feed(database: Database) -> None:
    payments = await PaymentsUnderTest(database).build()
    payments.work = PaymentWork(database, build_subscribers())
    order, _ = await payments.paid()

    # The feed waits for older transactions, of any database of the server: the tests beside this one.
    for _ in range(600):
        found = await notices.read_notices("portal", after=notices.START, limit=10)
        if len(found) == 2:
            break
        await asyncio.sleep(0.05)

    assert [notice.kind for notice in found] == ["payment.paid", "payment.settled"]
    assert {notice.kind for notice in found} <= TOLD_TO_PARTNERS
    assert found[1].subject_id == order.id
    assert found[1].facts == {
        "order_no": order.order_no,
        "order_kind": "outpatient_bill",
        "amount_fen": 2500,
        "settlement_no": f"{order.order_no}S",
    }
    assert await notices.read_notices("stranger", after=notices.START, limit=10) == []


async def test_a_subscriber_that_breaks_is_told_again_and_no_event_overtakes(database: Database) -> None:
    payments = await PaymentsUnderTest(database).build()
    heard: list[str] = []
    faults = 1

    async def hear(_tx: object, event: object) -> None:
        nonlocal faults
        if faults:
            faults -= 1
            raise LookupError("nobody has thought of this")
        heard.append(getattr(event, "kind", ""))

    payments.work = PaymentWork(database, [("*", hear)])
    order = await payments.order()
    await payments.settle_down()
    assert heard == []
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        await payments.attempt(order)
        await payments.settle_down()
    assert heard == ["payment.created", "payment.attempted"]


def test_this_process_speaks_to_windows(settings: Settings) -> None:
    connect_payments(settings)
    drawer = Merchant("cash-main", ChannelCode.CASH, "drawer-1", "")
    assert gateway_of(drawer).merchant == drawer


async def test_with_a_centre_the_insurance_stands_before_every_fulfilment_and_is_taken_back_by_the_clock(
    database: Database, tmp_path: Path
) -> None:
    open_insurance_account(keys_dir=tmp_path, emulator_dir=tmp_path / "centre")
    told = {
        "DATABASE_URL": "postgresql://unused",
        "KEYS_DIR": str(tmp_path),
        "INSURANCE_BASE_URL": "http://127.0.0.1:1",
    }
    settings = Settings.from_environment(told)
    connect_payments(settings)
    assert isinstance(fulfilment_of("registration"), WithInsurance)
    account = describe_insurance_account()
    assert centre_of(account) is centre_of(account)
    assert centre_of(account) is not centre_of(replace(account, merchant_no="H44010000110"))
    cipher = crypto.load_cipher(write_keys(tmp_path / "keys"))
    jobs = {job.name: job for job in build_jobs(database, settings, cipher=cipher)}
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert await Timetable(database, list(jobs.values())).start_if_due(jobs["tend_insurance"])
    assert await database.fetch("SELECT name FROM timed_job WHERE last_error IS NOT NULL") == []
    kept = centre_of(account)
    await close_centres()
    with pytest.raises(SecretMissing):
        centre_of(account)
    assert isinstance(kept, MobilePaymentCentre)
    assert kept.is_closed


async def test_without_a_centre_what_it_shares_is_not_known(jobs: dict[str, Job], settings: Settings) -> None:
    connect_payments(settings)
    assert isinstance(fulfilment_of("registration"), WithInsurance)
    with pytest.raises(SecretMissing):
        centre_of(describe_insurance_account())
    assert "tend_insurance" not in jobs


async def test_the_relay_empties_the_boxes_of_payments_without_a_his(database: Database, settings: Settings) -> None:
    handlers = [queue.handler for queue in build_queues(database, settings)]
    assert handlers == ["his", "payment-notifications", "payment-events", "payments", "notifications", "webhooks"]
