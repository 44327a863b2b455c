"""Every route keeps what it declares: it succeeds, and refuses with each of its errors, at the real server.

Each answer, here and in every other test of the server, is held against its schema (`conformity.watch`).
"""

import httpx
import pytest

from booking.errors import Contended
from booking.queue.errors import TooManyWatchers
from booking.rush.errors import RushFull
from integration.his.errors import HisDisagrees, HisUnavailable
from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from open_api.problems import STATUS
from tests.contract import (
    bill_cases,
    booking_cases,
    catalogue_cases,
    fairness_cases,
    fee_cases,
    follow_up_cases,
    insurance_cases,
    patient_cases,
    payment_cases,
    queue_cases,
    rush_cases,
    sandbox_cases,
    stay_cases,
    stop_cases,
    waitlist_cases,
    webhook_cases,
)
from tests.contract.cases import CASES, HIS_CASES, SUCCESS, Case, HisBeside, HisCase
from tests.contract.conformity import ROUTES, route_of
from tests.factories.open_api import OpenApi

MODULES = (
    bill_cases,
    insurance_cases,
    booking_cases,
    catalogue_cases,
    fairness_cases,
    fee_cases,
    follow_up_cases,
    patient_cases,
    payment_cases,
    queue_cases,
    rush_cases,
    sandbox_cases,
    stay_cases,
    stop_cases,
    waitlist_cases,
    webhook_cases,
)

# Provoked where their causes are at hand: tests/chaos takes the database away, tests/race contends for seats and
# queues, tests/service/booking/queue/test_live.py fills a hub, tests/service/open_api/test_idempotency.py sends
# another request with a used key to every changing route, tests/service/booking/rush/test_bots.py fills a line,
# tests/service/payments/bills stops and confuses the HIS.
ELSEWHERE = (
    DatabaseUnavailable,
    DatabaseBusy,
    Contended,
    IdempotencyMismatch,
    TooManyWatchers,
    RushFull,
    HisUnavailable,
    HisDisagrees,
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_route_answers_as_declared(open_api: OpenApi, case: Case) -> None:
    require_as_declared(case, await case.play(open_api))


@pytest.mark.parametrize("case", HIS_CASES, ids=str)
async def test_a_route_that_asks_the_his_answers_as_declared(
    open_api: OpenApi, his_beside: HisBeside, case: HisCase
) -> None:
    require_as_declared(case, await case.play(open_api, his_beside))


def require_as_declared(case: Case | HisCase, answer: httpx.Response) -> None:
    """Hold an answer against what its case says."""
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
    played = {(case.operation, case.outcome) for case in CASES} | {(case.operation, case.outcome) for case in HIS_CASES}
    assert sorted(declared - played) == []
    assert sorted(played - declared) == []
