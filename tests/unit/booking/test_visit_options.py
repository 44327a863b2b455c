"""What is offered for a visit: the one step that is worth most, and a reason wherever something cannot be done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booking import errors
from booking.payment.errors import NothingToPay, PayAtWindow
from booking.queue.errors import CheckInClosed, CheckInNotOpen
from booking.visit_options import find_options
from booking.visits import Visit, Words
from kernel.ids import new_id

# Half past nine in Guangzhou.
STARTS_AT = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)
NAME = Words("名", "name")
VISIT = Visit(
    id=new_id(),
    number=1,
    patient_id=new_id(),
    status="booked",
    his_status="confirmed",
    payment="none",
    fee_fen=2500,
    clinic_date=STARTS_AT.date(),
    starts_at=STARTS_AT,
    ends_at=STARTS_AT + timedelta(minutes=30),
    queue_number=3,
    schedule_id=new_id(),
    slot_id=new_id(),
    department_id=new_id(),
    channel_code="miniprogram",
    follow_up_of=None,
    moves=0,
    created_at=STARTS_AT - timedelta(days=5),
    cancel_reason=None,
    practitioner="王建国",
    title=NAME,
    service_type=NAME,
    department=NAME,
    campus=NAME,
    address="",
    latitude=23.1331,
    longitude=113.2644,
    room=NAME,
    floor="",
    channel=NAME,
    cancel_minutes_before=60,
    reschedule_limit=2,
    check_in_minutes_before=60,
    check_in_minutes_after=30,
    policy="later",
    stop_status=None,
    stop_reason=None,
    stop_deadline_at=None,
    queue_entry_id=None,
    order_ids=(),
)
DAY_BEFORE = STARTS_AT - timedelta(days=1)
AT_THE_DOOR = STARTS_AT - timedelta(minutes=20)
OFFERED: dict[str, Any] = {"stop_status": "offered", "stop_deadline_at": STARTS_AT - timedelta(hours=2)}
COME: dict[str, Any] = {"status": "arrived", "queue_entry_id": new_id()}


@pytest.mark.parametrize(
    ("facts", "at", "step"),
    [
        ({}, DAY_BEFORE, "pay"),
        ({"payment": "paid"}, DAY_BEFORE, None),
        ({"payment": "paid"}, AT_THE_DOOR, "check_in"),
        ({}, AT_THE_DOOR, "pay"),
        (COME, AT_THE_DOOR, "see_queue"),
        (COME, STARTS_AT + timedelta(days=1), None),
        (OFFERED, DAY_BEFORE, "answer_stop"),
        (OFFERED | {"payment": "paid"}, STARTS_AT - timedelta(hours=2), None),
        (OFFERED | {"status": "cancelled"}, DAY_BEFORE, None),
        ({"status": "fulfilled"}, AT_THE_DOOR, None),
        ({"channel_code": "his_window"}, DAY_BEFORE, None),
    ],
)
def test_the_next_step_is_the_one_that_is_worth_most(facts: dict[str, Any], at: datetime, step: str | None) -> None:
    assert find_options(replace(VISIT, **facts), at=at).next_step == step


def test_until_the_deadline_it_can_be_cancelled_and_moved_and_not_a_second_longer() -> None:
    deadline = STARTS_AT - timedelta(hours=1)
    on_time = find_options(VISIT, at=deadline)
    assert on_time.cancel.is_open
    assert on_time.reschedule.is_open
    assert on_time.cancel.until == deadline
    late = find_options(VISIT, at=deadline + timedelta(seconds=1))
    assert not late.cancel.is_open
    assert isinstance(late.cancel.refusal, errors.CancelDeadlinePassed)
    assert isinstance(late.reschedule.refusal, errors.CancelDeadlinePassed)


def test_who_has_moved_it_often_enough_may_still_cancel() -> None:
    options = find_options(replace(VISIT, moves=2), at=DAY_BEFORE)
    assert options.cancel.is_open
    assert isinstance(options.reschedule.refusal, errors.RescheduleLimitReached)


def test_an_offer_is_answered_before_anything_else_is_done() -> None:
    options = find_options(replace(VISIT, **OFFERED), at=DAY_BEFORE)
    assert [options.cancel.is_open, options.reschedule.is_open, options.pay.is_open] == [False, False, False]
    assert options.answer_stop.until == OFFERED["stop_deadline_at"]


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"fee_fen": 0}, NothingToPay),
        ({"policy": "none"}, NothingToPay),
        ({"policy": "at-window"}, PayAtWindow),
        ({"channel_code": "window"}, PayAtWindow),
    ],
)
def test_why_a_fee_is_not_paid_here_is_told(facts: dict[str, Any], refusal: type[Exception]) -> None:
    pay = find_options(replace(VISIT, **facts), at=DAY_BEFORE).pay
    assert not pay.is_open
    assert isinstance(pay.refusal, refusal)


def test_check_in_opens_and_closes_around_the_visit() -> None:
    early = find_options(VISIT, at=STARTS_AT - timedelta(minutes=61)).check_in
    late = find_options(VISIT, at=STARTS_AT + timedelta(minutes=31)).check_in
    assert isinstance(early.refusal, CheckInNotOpen)
    assert early.until == STARTS_AT - timedelta(minutes=60)
    assert isinstance(late.refusal, CheckInClosed)
    assert not late.is_open


def test_who_has_come_may_still_pay_and_who_is_too_close_may_not() -> None:
    assert find_options(replace(VISIT, **COME), at=STARTS_AT + timedelta(minutes=10)).pay.is_open
    assert not find_options(VISIT, at=STARTS_AT - timedelta(seconds=30)).pay.is_open
