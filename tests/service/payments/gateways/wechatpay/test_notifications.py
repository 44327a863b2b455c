"""How the channel tells: by its schedule, out of order, twice, late, and after it was killed."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kernel import clock
from payments.gateways.port import PaymentFact, PaymentState
from payments.gateways.wechatpay.gateway import WechatPayGateway
from tests.factories.wechatpay import Emulator, Listener, payment_request, refund_request, until

NewNumber = Callable[[], str]
PAUSES = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)


def told(gateway: WechatPayGateway, listener: Listener) -> list[str]:
    """Name the attempts that were told of, in the order in which they came."""
    facts = [gateway.read_notification(one.headers, one.body, now=clock.machine_now()).fact for one in listener.came]
    return [fact.attempt_no for fact in facts if fact is not None]


async def paid(gateway: WechatPayGateway, emulator: Emulator, number: str) -> str:
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    return number


async def test_a_notification_that_nobody_takes_is_told_by_the_channels_schedule(
    tmp_path: Path, listener: Listener
) -> None:
    """15s 15s 30s 3m 10m 20m 30m 30m 30m 60m 3h 3h 3h 6h 6h, each signed afresh; then the channel gives up."""
    listener.status = 500
    with Emulator.up(tmp_path) as emulator:
        gateway = emulator.gateway(urls=listener.urls)
        number = await paid(gateway, emulator, "A-NUMBER")

        def shown() -> tuple[str, int]:
            one = emulator.control("GET", "/notifications")["notifications"][0]
            return one["state"], one["tries"]

        for tries, pause in enumerate(PAUSES, start=1):
            await until(lambda tries=tries: shown() == ("waiting", tries))  # type: ignore[misc]  # a bound number
            assert len(listener.came) == tries
            # Two seconds too early nothing comes.
            emulator.advance(timedelta(seconds=pause - 2))
            await asyncio.sleep(0)
            assert shown() == ("waiting", tries)
            emulator.advance(timedelta(seconds=2))
        await until(lambda: shown() == ("given_up", len(PAUSES) + 1))
        assert told(gateway, listener) == [number] * (len(PAUSES) + 1)
        assert len({one.headers["wechatpay-signature"] for one in listener.came}) == len(listener.came)
        assert len({json.loads(one.body)["id"] for one in listener.came}) == 1
        await gateway.close_connections()


async def test_twice_late_and_out_of_order(
    gateway: WechatPayGateway, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    emulator.fault("notification_doubled")
    twice = await paid(gateway, emulator, new_number())
    await listener.wait_for(2)
    emulator.fault("notification_reordered")
    first = await paid(gateway, emulator, new_number())
    await until(lambda: emulator.control("GET", "/state")["faults"] == {})
    second = await paid(gateway, emulator, new_number())
    await listener.wait_for(4)
    emulator.fault("notification_delayed", seconds=3600)
    late = await paid(gateway, emulator, new_number())
    await until(lambda: emulator.control("GET", "/state")["faults"] == {})
    emulator.fault("notification_dropped")
    dropped = await paid(gateway, emulator, new_number())
    await until(lambda: emulator.control("GET", "/state")["faults"] == {})
    assert told(gateway, listener) == [twice, twice, second, first]
    emulator.advance(timedelta(seconds=15))
    await listener.wait_for(5)
    emulator.advance(timedelta(hours=1))
    await listener.wait_for(6)
    assert told(gateway, listener)[4:] == [dropped, late]


async def test_a_killed_channel_loses_nothing_that_it_answered(
    tmp_path: Path, listener: Listener, new_number: NewNumber
) -> None:
    with Emulator.up(tmp_path) as emulator:
        gateway = emulator.gateway(urls=listener.urls)
        listener.status = 503
        number = await paid(gateway, emulator, new_number())
        unpaid = new_number()
        await gateway.prepare(payment_request(unpaid))
        await gateway.refund(refund_request(number, refund_fen=100))
        emulator.advance(timedelta(hours=3))
        emulator.fault("system_error", times=7)
        before = await _everything(emulator)
        emulator.end(signal.SIGKILL)

        listener.status = 200
        emulator.start()
        assert emulator.control("GET", "/state")["faults"] == {"system_error": {"times": 7, "parameters": {}}}
        emulator.control("DELETE", "/faults")
        assert await _everything(emulator) == before
        assert (await gateway.query(unpaid)).state is PaymentState.UNPAID
        fact = await gateway.query(number)
        assert fact.state is PaymentState.PAID
        emulator.advance(timedelta(minutes=1))
        await until(lambda: number in _accepted(gateway, listener))
        await gateway.close_connections()


async def _everything(emulator: Emulator) -> dict[str, list[tuple[object, ...]]]:
    """Read the emulator's own books as they lie on the disk, when no refund is under way any more."""
    connection = sqlite3.connect(f"file:{emulator.own_dir / 'wechatpay.sqlite3'}?mode=ro", uri=True)
    try:
        await until(
            lambda: connection.execute("SELECT count(*) FROM refund WHERE status = 'PROCESSING'").fetchone() == (0,)
        )
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("trade", "refund", "fund", "lead", "number")
        }
    finally:
        connection.close()


def _accepted(gateway: WechatPayGateway, listener: Listener) -> list[str]:
    facts = [gateway.read_notification(one.headers, one.body, now=clock.machine_now()).fact for one in listener.came]
    return [fact.attempt_no for fact in facts if isinstance(fact, PaymentFact)]


@pytest.mark.parametrize("number", ["", "A" * 33, "订单1"])
async def test_the_emulator_refuses_what_the_channel_refuses(gateway: WechatPayGateway, number: str) -> None:
    """Numbers that ours never are: the wire is asked past the gateway's own care."""
    answer = await gateway.client.call(
        "pay",
        description="x",
        out_trade_no=number or "-",
        amount={"total": 1},
        payer={"openid": "o"},
        notify_url="http://127.0.0.1/x",
    )
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")
