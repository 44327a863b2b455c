"""Every route keeps what it declares: it succeeds, and refuses with each of its errors, at the real server.

Each answer, here and in every other test of the server, is held against its schema (`conformity.watch`).
"""

import pytest

from booking.errors import Contended
from booking.queue.errors import TooManyWatchers
from booking.rush.errors import RushFull
from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from open_api.problems import STATUS
from tests.contract import (
    booking_cases,
    catalogue_cases,
    fairness_cases,
    fee_cases,
    follow_up_cases,
    patient_cases,
    queue_cases,
    rush_cases,
    sandbox_cases,
    stop_cases,
    waitlist_cases,
    webhook_cases,
)
from tests.contract.cases import CASES, SUCCESS, Case
from tests.contract.conformity import ROUTES, route_of
from tests.factories.open_api import OpenApi

MODULES = (
    booking_cases,
    catalogue_cases,
    fairness_cases,
    fee_cases,
    follow_up_cases,
    patient_cases,
    queue_cases,
    rush_cases,
    sandbox_cases,
    stop_cases,
    waitlist_cases,
    webhook_cases,
)

# Provoked where their causes are at hand: tests/chaos takes the database away, tests/race contends for seats and
# queues, tests/service/booking/queue/test_live.py fills a hub, tests/service/open_api/test_idempotency.py sends
# another request with a used key to every changing route, tests/service/booking/rush/test_bots.py fills a line.
ELSEWHERE = (DatabaseUnavailable, DatabaseBusy, Contended, IdempotencyMismatch, TooManyWatchers, RushFull)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_route_answers_as_declared(open_api: OpenApi, case: Case) -> None:
    answer = await case.play(open_api)

    route = route_of(answer.request.method, answer.request.url.path)
    assert route is not None
    assert route.operation == case.operation
    if case.outcome == SUCCESS:
        assert answer.is_success, answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (STATUS[case.outcome], case.outcome)


def test_every_route_has_a_case_for_all_that_it_declares() -> None:
    """The slot office's routes have theirs in test_administration.py, made from their kinds of entries."""
    declared = {
        (route.operation, outcome)
        for route in ROUTES
        if not route.path.startswith("/administration/")
        for outcome in (SUCCESS, *(error.code for error in route.errors if error not in ELSEWHERE))
    }
    played = {(case.operation, case.outcome) for case in CASES}
    assert sorted(declared - played) == []
    assert sorted(played - declared) == []
