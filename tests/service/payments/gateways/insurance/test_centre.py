"""The insurance's centre over its real wire: five calls, lost answers, kills, and what is not believed."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from integration.codecs import insurance_envelope as envelope
from kernel import clock
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.centre import QUERY, MobilePaymentCentre
from payments.gateways.insurance.keys import load_party
from payments.gateways.insurance.port import CentreOrder, InsuranceState, Insured, Parts, RefundKind, RefundOutcome
from payments.gateways.references import KeyStore, KeyUnusable
from runtime.sandbox_channels import describe_insurance_account
from tests.factories.insurance import PERSON, Centre, fees, insurance_centre, refund_of

SHARED = Parts(7500, 2500, 2500)


async def test_a_bill_is_shared_paid_and_sent_back(centre: Centre) -> None:
    bill = fees(8000, 4500)
    order = await centre.client.upload(bill)
    assert (order.pay_order_id[:9], order.visit_id) == ("ORD440100", "V1")
    saved = await centre.client.query(order, PERSON)
    assert (saved.state, saved.status_code, saved.parts) == (InsuranceState.PENDING, "0", None)
    shared = await centre.client.pay(order, bill)
    assert (shared.state, shared.parts) == (InsuranceState.PENDING, SHARED)
    assert SHARED.total_fen == bill.total_fen
    await centre.act(order)
    paid = await centre.client.query(order, PERSON)
    assert (paid.state, paid.status_code, paid.parts) == (InsuranceState.PAID, "6", SHARED)
    refund = refund_of(order, bill, replace(SHARED, own_fen=0))
    assert await centre.client.refund(refund) is RefundOutcome.SUCCEEDED
    assert (
        await centre.client.refund(replace(refund, asked_at=clock.now() + timedelta(hours=1)))
        is RefundOutcome.SUCCEEDED
    )
    back = await centre.client.query(order, PERSON)
    assert (back.state, back.status_code) == (InsuranceState.REFUNDED, "8")
    told = await centre.bill_of(bill.bill_no)
    assert told is not None
    assert (told["insurance_back_fen"], told["own_back_fen"]) == (10_000, 0)


@pytest.mark.parametrize(
    ("steps", "code", "state"),
    [
        ([(RefundKind.ALL, SHARED)], "7", InsuranceState.REFUNDED),
        ([(RefundKind.CASH, Parts(0, 0, 2500))], "9", InsuranceState.PAID),
        ([(RefundKind.CASH, Parts(0, 0, 1000))], "10", InsuranceState.PAID),
        ([(RefundKind.CASH, Parts(0, 0, 1000)), (RefundKind.INSURANCE, Parts(7500, 2500, 0))], "11",
         InsuranceState.REFUNDED),
        ([(RefundKind.CASH, Parts(0, 0, 1000)), (RefundKind.CASH, Parts(0, 0, 1500)),
          (RefundKind.INSURANCE, Parts(7500, 2500, 0))], "7", InsuranceState.REFUNDED),
    ],
)  # fmt: skip
async def test_what_goes_back_and_how_the_order_stands_then(
    centre: Centre, steps: list[tuple[RefundKind, Parts]], code: str, state: InsuranceState
) -> None:
    bill = fees(12_500)
    order = await centre.paid(bill)
    for kind, parts in steps:
        assert await centre.client.refund(refund_of(order, bill, parts, kind)) is RefundOutcome.SUCCEEDED
    fact = await centre.client.query(order, PERSON)
    assert (fact.status_code, fact.state) == (code, state)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (RefundKind.INSURANCE, Parts(7499, 2500, 0)),
        (RefundKind.INSURANCE, Parts(7500, 0, 0)),
        (RefundKind.CASH, Parts(0, 0, 2501)),
        (RefundKind.ALL, Parts(7500, 2500, 2499)),
    ],
)
async def test_the_insurance_goes_back_whole_and_nothing_twice(centre: Centre, kind: RefundKind, parts: Parts) -> None:
    bill = fees(12_500)
    order = await centre.paid(bill)
    with pytest.raises(ChannelRefused, match="2006"):
        await centre.client.refund(refund_of(order, bill, parts, kind))
    assert await centre.client.refund(refund_of(order, bill, SHARED, RefundKind.ALL)) is RefundOutcome.SUCCEEDED
    with pytest.raises(ChannelRefused, match=r"200[56]"):
        await centre.client.refund(refund_of(order, bill, SHARED, RefundKind.ALL))


async def test_many_refunds_at_once_send_the_insurance_back_once(centre: Centre) -> None:
    bill = fees(12_500)
    order = await centre.paid(bill)
    whole = replace(SHARED, own_fen=0)
    asked = [refund_of(order, bill, whole, number=f"{bill.bill_no[:20]}R{place % 4}") for place in range(12)]
    outcomes = await asyncio.gather(*(centre.client.refund(one) for one in asked), return_exceptions=True)
    won = {one.refund_no for one, outcome in zip(asked, outcomes, strict=True) if outcome is RefundOutcome.SUCCEEDED}
    assert len(won) == 1
    assert all(isinstance(one, ChannelRefused) or one is RefundOutcome.SUCCEEDED for one in outcomes)
    told = await centre.bill_of(bill.bill_no)
    assert told is not None
    assert told["insurance_back_fen"] == whole.insurance_fen


async def test_an_answer_that_is_lost_is_asked_for_under_the_same_number(centre: Centre) -> None:
    bill = fees(12_500)
    await centre.process.fault("answer_lost")
    with pytest.raises(ChannelUnavailable):
        await centre.client.upload(bill)
    order = await centre.client.upload(bill)
    await centre.process.fault("answer_lost")
    with pytest.raises(ChannelUnavailable):
        await centre.client.pay(order, bill)
    assert (await centre.client.pay(order, bill)).parts == SHARED
    await centre.act(order)
    refund = refund_of(order, bill, replace(SHARED, own_fen=0))
    await centre.process.fault("answer_lost")
    with pytest.raises(ChannelUnavailable):
        await centre.client.refund(refund)
    assert (await centre.client.query(order, PERSON)).state is InsuranceState.REFUNDED
    assert await centre.client.refund(refund) is RefundOutcome.SUCCEEDED
    told = await centre.bill_of(bill.bill_no)
    assert told is not None
    assert (told["insurance_back_fen"], told["status"]) == (10_000, "8")


async def test_the_same_number_for_another_bill_is_refused(centre: Centre) -> None:
    bill = fees(12_500)
    order = await centre.client.upload(bill)
    assert await centre.client.upload(bill) == order
    with pytest.raises(ChannelRefused, match="2001"):
        await centre.client.upload(fees(12_501, bill_no=bill.bill_no))
    with pytest.raises(ChannelRefused, match="2003"):
        await centre.client.pay(order, replace(bill, pay_auth_no="AUTH-of-another"))
    with pytest.raises(ChannelRefused, match="2003"):
        await centre.client.query(order, Insured("另一人", "440100199001010028"))
    with pytest.raises(ChannelRefused, match="2002"):
        await centre.client.query(replace(order, pay_token="guessed"), PERSON)
    with pytest.raises(ChannelRefused, match="2002"):
        await centre.client.query(CentreOrder("ORD-nowhere", "x"), PERSON)


async def test_what_nothing_was_paid_of_is_revoked_and_what_is_paid_is_not(centre: Centre) -> None:
    bill, other = fees(12_500), fees(12_500)
    order, paid = await centre.client.upload(bill), await centre.paid(other)
    await centre.client.pay(order, bill)
    await centre.client.revoke(order, PERSON)
    await centre.client.revoke(order, PERSON)
    assert (await centre.client.query(order, PERSON)).state is InsuranceState.REVOKED
    with pytest.raises(ChannelRefused, match="2005"):
        await centre.client.revoke(paid, PERSON)
    with pytest.raises(ChannelRefused, match="2005"):
        await centre.client.refund(refund_of(order, bill, replace(SHARED, own_fen=0)))


async def test_an_insurance_that_fails_or_does_not_know(centre: Centre) -> None:
    for act, state in (("fail", InsuranceState.FAILED), ("unclear", InsuranceState.UNKNOWN)):
        bill = fees(12_500)
        order = await centre.client.upload(bill)
        await centre.client.pay(order, bill)
        await centre.act(order, act)
        assert (await centre.client.query(order, PERSON)).state is state
    await centre.act(order)
    assert (await centre.client.query(order, PERSON)).state is InsuranceState.PAID
    await centre.process.fault("insurance_fails")
    bill = fees(100)
    assert (await centre.client.pay(await centre.client.upload(bill), bill)).state is InsuranceState.FAILED


@pytest.mark.parametrize(("done", "state"), [(1, InsuranceState.REFUNDED), (0, InsuranceState.PAID)])
async def test_a_refund_that_is_not_clear_is_asked_for(centre: Centre, done: int, state: InsuranceState) -> None:
    bill = fees(12_500)
    order = await centre.paid(bill)
    refund = refund_of(order, bill, replace(SHARED, own_fen=0))
    await centre.process.fault("refund_unclear", done=done)
    assert await centre.client.refund(refund) is RefundOutcome.UNKNOWN
    assert (await centre.client.query(order, PERSON)).state is state
    assert await centre.client.refund(refund) is RefundOutcome.SUCCEEDED
    told = await centre.bill_of(bill.bill_no)
    assert told is not None
    assert told["insurance_back_fen"] == 10_000


async def test_the_insurance_may_pay_all_or_nothing(centre: Centre) -> None:
    for pooled, account, parts in ((100, 0, Parts(12_500, 0, 0)), (0, 0, Parts(0, 0, 12_500))):
        bill = fees(12_500)
        order = await centre.client.upload(bill)
        await centre.process.fault("insurance_share", pooled=pooled, account=account)
        assert (await centre.client.pay(order, bill)).parts == parts


async def test_an_answer_that_is_not_the_centres_is_not_believed(centre: Centre) -> None:
    bill = fees(12_500)
    order = await centre.paid(bill)
    await centre.process.fault("answer_forged")
    with pytest.raises(ChannelUnavailable, match="bad_signature"):
        await centre.client.query(order, PERSON)
    await centre.process.fault("centre_silent")
    with pytest.raises(ChannelUnavailable, match="503"):
        await centre.client.query(order, PERSON)
    await centre.process.fault("centre_refused", code="7001")
    with pytest.raises(ChannelRefused, match="7001"):
        await centre.client.query(order, PERSON)


async def test_a_stranger_and_an_old_message_are_refused_by_the_centre(centre: Centre) -> None:
    party = load_party(KeyStore(centre.keys_dir), describe_insurance_account())
    other = replace(party, secret="0" * 32)
    fresh = f"{clock.machine_now().astimezone(clock.SHANGHAI):%Y%m%d%H%M%S}"
    for sender, stamp, code in ((other, fresh, "0401"), (party, "20200101000000", "0402"), (party, "soon", "0402")):
        message = envelope.seal(sender, {"payOrdId": "x"}, timestamp=stamp)
        answer = await centre.process.control.post(QUERY, json=message)
        assert answer.json()["code"] == code
        # What the centre refuses with is signed like everything that it says.
        assert envelope.read(party, answer.content)[1] == {}
    message = envelope.seal(party, {"payOrdId": "x", "orgCodg": "H-of-another"}, timestamp=fresh)
    assert (await centre.process.control.post(QUERY, json=message)).json()["code"] == "0403"
    assert (await centre.process.control.post("/org/local/api/hos/turn", json=message)).json()["code"] == "0403"


async def test_an_answer_of_another_time_or_order_is_not_believed(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill, other = fees(12_500), fees(12_500)
    order, another = await centre.paid(bill), await centre.paid(other)
    heard: dict[str, bytes] = {}
    post = MobilePaymentCentre._post

    async def hear(self: MobilePaymentCentre, path: str, message: dict[str, object]) -> bytes:
        heard[path] = await post(self, path, message)
        return heard[path]

    monkeypatch.setattr(MobilePaymentCentre, "_post", hear)
    assert (await centre.client.query(order, PERSON)).state is InsuranceState.PAID

    async def replay(_self: MobilePaymentCentre, path: str, _message: dict[str, object]) -> bytes:
        return heard[path]

    monkeypatch.setattr(MobilePaymentCentre, "_post", replay)
    with pytest.raises(ChannelUnavailable, match="another order"):
        await centre.client.query(another, PERSON)
    later = clock.machine_now() + timedelta(minutes=6)
    monkeypatch.setattr(clock, "machine_now", lambda: later)
    with pytest.raises(ChannelUnavailable, match="another time"):
        await centre.client.query(order, PERSON)


async def test_nothing_of_a_person_is_on_the_wire_in_the_clear_or_in_a_log(centre: Centre) -> None:
    bill = fees(12_500)
    sent: list[bytes] = []

    async def keep(request: httpx.Request) -> None:
        sent.append(await request.aread())

    centre.client._client.event_hooks["request"] = [keep]
    try:
        order = await centre.paid(bill)
        await centre.client.query(order, PERSON)
    finally:
        centre.client._client.event_hooks["request"] = []
    assert len(sent) == 3
    everything = b"".join(sent) + centre.process.log.read_bytes() + repr((bill, order, PERSON)).encode()
    for word in (PERSON.name, PERSON.document_number, order.pay_token):
        assert word.encode() not in everything
        assert json.dumps(word).encode() not in everything


async def test_a_centre_that_is_killed_has_forgotten_nothing(tmp_path: Path) -> None:
    async with insurance_centre(tmp_path) as centre:
        bills = [fees(12_500) for _ in range(3)]
        order = await centre.paid(bills[0])
        waiting = asyncio.gather(*(centre.client.upload(one) for one in bills[1:]), return_exceptions=True)
        await centre.client.query(order, PERSON)
        centre.process.kill()
        known = [one.pay_order_id for one in await waiting if isinstance(one, CentreOrder)]
        with pytest.raises(ChannelUnavailable):
            await centre.client.query(order, PERSON)
        await centre.process.start()
        assert (await centre.client.query(order, PERSON)).state is InsuranceState.PAID
        again = [(await centre.client.upload(one)).pay_order_id for one in bills[1:]]
        assert len(set(again)) == 2
        assert set(known) <= set(again)
        assert await centre.client.refund(refund_of(order, bills[0], SHARED, RefundKind.ALL)) is RefundOutcome.SUCCEEDED


@pytest.mark.parametrize(
    ("changed", "content", "word"),
    [
        ("app_private_key", "AAAA", "SM2 key"),
        ("centre_public_key", "!", "SM2 key"),
        ("app_secret", "", "app_secret"),
        ("app_public_key", None, "belong together"),
    ],
)
def test_keys_that_cannot_be_used_are_named_and_not_shown(
    tmp_path: Path, centre: Centre, changed: str, content: str | None, word: str
) -> None:
    kept = centre.keys_dir / "sandbox" / "insurance"
    own = tmp_path / "sandbox" / "insurance"
    own.mkdir(parents=True)
    for path in kept.iterdir():
        (own / path.name).write_text(path.read_text())
    (own / changed).write_text((kept / "centre_public_key").read_text() if content is None else content)
    with pytest.raises(KeyUnusable, match=word) as refused:
        MobilePaymentCentre(describe_insurance_account(), KeyStore(tmp_path), base_url="http://127.0.0.1:1")
    assert (kept / "app_private_key").read_text().strip() not in str(refused.value)
