"""A case from the patient to the office that answers, and back once."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import asyncpg
import pytest

from booking.catalogue import kinds as catalogue_kinds
from booking.catalogue.entries import change_entry, create_entry, get_entry, list_entries, remove_entry
from booking.catalogue.errors import EssentialEntry, InUse, ReferenceUnknown, ValueNotAllowed
from feedback import cases, errors, kinds, metrics, queries, service
from feedback.facts import WholeCase
from feedback.ports import set_herald
from feedback.states import CASE
from kernel import clock
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.feedback import Feedback, actor_of, staff
from tests.factories.slot_office import OFFICE


def midnight(day: date) -> datetime:
    return clock.clinic_instant(day, time())


async def codes(made: WholeCase) -> list[str]:
    return [event.action for event in (await queries.get_case(made.case.id)).events]


async def test_a_complaint_is_filed_acknowledged_answered_and_closed(feedback: Feedback) -> None:
    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    visit = await feedback.visit(author.patient_id)
    made = await feedback.file(author, appointment_id=visit.id, text="窗口等了四十分钟。\n请改进。")
    case = made.case
    assert (case.status, case.office.code, case.department_id) == (
        "submitted",
        "charges_office",
        feedback.hospital.department_id,
    )
    # Filed on a Friday: Monday is the first workday, the seventh is Tuesday of the week after the next.
    assert case.acknowledge_by == midnight(date(2026, 9, 8))
    assert case.answer_by == midnight(date(2026, 9, 16))
    taken = await service.acknowledge_case(case.id, actor=cashier)
    assert (taken.case.status, taken.case.acknowledged_at) == ("acknowledged", clock.now())
    answered = await service.answer_case(case.id, "已增开窗口。", actor=cashier)
    assert [(one.author, one.text) for one in answered.messages] == [
        ("patient", "窗口等了四十分钟。\n请改进。"),
        ("office", "已增开窗口。"),
    ]
    assert (answered.case.status, answered.case.can_reopen) == ("answered", True)
    closed = await service.close_case(case.id, actor=cashier)
    assert [(one.action, one.staff_code) for one in closed.events] == [
        ("submitted", None),
        ("acknowledged", cashier.staff_code),
        ("answered", cashier.staff_code),
        ("closed", cashier.staff_code),
    ]


async def test_texts_are_sealed_and_history_is_not_rewritten(feedback: Feedback) -> None:
    author = await feedback.author()
    await feedback.file(author, text="我的电话是14400000000")
    sealed = await feedback.db.fetchval("SELECT body_cipher FROM feedback_message")
    assert b"14400000000" not in sealed
    for table in ("feedback_message", "feedback_event"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await feedback.db.execute(f"DELETE FROM {table}")


async def test_an_answer_is_given_again_for_its_key_and_its_text_is_not_kept_with_it(feedback: Feedback) -> None:
    author = await feedback.author()
    key = Idempotency(f"account:{author.account_id}", "k", "POST /feedback", {"text": "x"})
    wanted = service.Submission(kind="praise", category="nursing", text="护士很细心")
    both = [
        await service.submit_case(author, wanted, actor=actor_of(author.account_id), idempotency=key) for _ in range(2)
    ]
    assert both[0] == both[1]
    assert await feedback.db.fetchval("SELECT count(*) FROM feedback_case") == 1
    assert await feedback.db.fetchval("SELECT result FROM idempotency_key") == {"case_id": str(both[0].case.id)}


async def test_another_accounts_or_members_case_is_absent(feedback: Feedback) -> None:
    author, other = await feedback.author(), await feedback.author()
    made = await feedback.file(author)
    strangers = (
        other,
        service.Author(other.account_id, author.patient_id),
        service.Author(author.account_id, other.patient_id),
    )
    for one in strangers:
        with pytest.raises(errors.CaseNotFound):
            await queries.get_own(made.case.id, account_id=one.account_id, patient_id=one.patient_id)
        with pytest.raises(errors.CaseNotFound):
            await service.add_to_case(made.case.id, one, "x", actor=actor_of(one.account_id))
        with pytest.raises(errors.CaseNotFound):
            await service.reopen_case(made.case.id, one, "x", actor=actor_of(one.account_id))
        listed = await queries.list_own(account_id=one.account_id, patient_id=one.patient_id, before=None, limit=10)
        assert listed == []
    assert await codes(made) == ["submitted"]


async def test_a_visit_of_somebody_else_is_unknown_and_so_is_a_place_that_is_not_there(feedback: Feedback) -> None:
    author, other = await feedback.author(), await feedback.author()
    visit = await feedback.visit(other.patient_id)
    for appointment_id in (visit.id, new_id()):
        with pytest.raises(errors.VisitUnknown):
            await feedback.file(author, appointment_id=appointment_id)
    with pytest.raises(ReferenceUnknown):
        await feedback.file(author, campus_id=new_id())
    assert await feedback.db.fetchval("SELECT count(*) FROM feedback_case") == 0


async def test_a_case_goes_to_the_most_particular_office(feedback: Feedback) -> None:
    author, hospital = await feedback.author(), feedback.hospital
    offices = {one["code"]: one["id"] for one in await list_entries(kinds.OFFICE, filters={}, after=None, limit=20)}
    for place, code in (
        ({"campus_id": str(hospital.campus_id)}, "outpatient_office"),
        ({"department_id": str(hospital.department_id)}, "nursing_department"),
    ):
        given = {"category": "medical", "office_id": offices[code], **place}
        await create_entry(kinds.ROUTE, given, actor=OFFICE)

    async def office(**place: Any) -> str:
        return (await feedback.file(author, category="medical", **place)).case.office.code

    assert await office() == "medical_affairs"
    assert await office(campus_id=hospital.campus_id) == "outpatient_office"
    assert await office(campus_id=hospital.campus_id, department_id=hospital.department_id) == "nursing_department"
    elsewhere = {"campus_id": hospital.campus_id, "department_id": hospital.other_department_id}
    assert await office(**elsewhere) == "outpatient_office"


async def test_an_account_files_so_many_a_day(feedback: Feedback) -> None:
    author, other = await feedback.author(), await feedback.author()
    for _ in range(5):
        await feedback.file(author)
    with pytest.raises(errors.TooManyCases) as refused:
        await feedback.file(author)
    # From noon to midnight, and a second.
    assert refused.value.details == {"limit": 5, "retry_after_seconds": 12 * 3600 + 1}
    await feedback.file(other)
    with clock.frozen(clock.now() + timedelta(hours=12, seconds=1)):
        await feedback.file(author)


async def test_only_staff_of_the_office_answer_and_a_delegate_does_for_them(feedback: Feedback) -> None:
    author = await feedback.author()
    made = await feedback.file(author, category="nursing", campus_id=feedback.hospital.campus_id)
    nobody = [
        await feedback.holder("charges_office"),
        await feedback.holder("nursing_department", campus_id=new_id()),
        await feedback.holder("nursing_department", department_id=feedback.hospital.department_id),
        staff("S0001"),
    ]
    for actor in nobody:
        for step in (
            service.acknowledge_case(made.case.id, actor=actor),
            service.answer_case(made.case.id, "x", actor=actor),
            service.transfer_case(made.case.id, office="charges_office", reason="x", actor=actor),
            service.close_case(made.case.id, actor=actor),
        ):
            with pytest.raises(errors.NotOfTheOffice):
                await step
    assert await codes(made) == ["submitted"]
    here = await feedback.holder("nursing_department", campus_id=feedback.hospital.campus_id)
    assert here.staff_code is not None
    stands_in = staff("S0002", on_behalf_of=here.staff_code)
    answered = await service.answer_case(made.case.id, "x", actor=stands_in)
    assert (answered.events[-1].staff_code, answered.events[-1].on_behalf_of) == ("S0002", here.staff_code)
    # Who answers at once has acknowledged.
    assert answered.case.acknowledged_at == answered.case.answered_at


async def test_who_has_left_answers_nothing(feedback: Feedback) -> None:
    made, cashier = await feedback.file(await feedback.author()), await feedback.holder("charges_office")
    await feedback.db.execute("UPDATE staff SET status = 'left' WHERE code = $1", cashier.staff_code)
    with pytest.raises(errors.NotOfTheOffice):
        await service.acknowledge_case(made.case.id, actor=cashier)


async def test_a_case_is_passed_on_and_the_day_of_the_answer_stays(feedback: Feedback) -> None:
    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    made = await feedback.file(author)
    await service.acknowledge_case(made.case.id, actor=cashier)
    with clock.frozen(clock.now() + timedelta(days=3)):
        passed = await service.transfer_case(
            made.case.id, office="nursing_department", reason="护士站的事", actor=cashier
        )
    assert (passed.case.status, passed.case.office.code) == ("transferred", "nursing_department")
    assert passed.case.answer_by == made.case.answer_by
    assert passed.case.acknowledge_by == midnight(date(2026, 9, 9))
    assert (passed.events[-1].office, passed.events[-1].reason) == ("nursing_department", "护士站的事")
    with pytest.raises(errors.NotOfTheOffice):
        await service.answer_case(made.case.id, "x", actor=cashier)
    nurse = await feedback.holder("nursing_department")
    for office in ("nursing_department", "no_office"):
        with pytest.raises(errors.OfficeUnknown):
            await service.transfer_case(made.case.id, office=office, reason="x", actor=nurse)


async def test_after_three_times_only_who_oversees_all_passes_a_case_on(feedback: Feedback) -> None:
    made = await feedback.file(await feedback.author())
    holders = {role: await feedback.holder(role) for role in ("charges_office", "conduct_office")}
    for there, here in itertools.islice(itertools.cycle(itertools.permutations(holders, 2)), 3):
        await service.transfer_case(made.case.id, office=here, reason="x", actor=holders[there])
        assert here != there
    with pytest.raises(errors.TransfersUsed):
        await service.transfer_case(made.case.id, office="charges_office", reason="x", actor=holders["conduct_office"])
    overseer = await feedback.holder("complaints_office")
    passed = await service.transfer_case(made.case.id, office="charges_office", reason="x", actor=overseer)
    assert passed.case.office.code == "charges_office"


async def test_an_answer_is_contested_once_and_in_time(feedback: Feedback) -> None:
    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    actor = actor_of(author.account_id)
    made = await feedback.file(author)
    with pytest.raises(errors.CaseStatusConflict):
        await service.reopen_case(made.case.id, author, "x", actor=actor)
    await service.answer_case(made.case.id, "一", actor=cashier)
    await service.close_case(made.case.id, actor=cashier)
    late = clock.now() + timedelta(days=15)
    with clock.frozen(late), pytest.raises(errors.ReopenTimeOver):
        await service.reopen_case(made.case.id, author, "x", actor=actor)
    with clock.frozen(late - timedelta(seconds=1)):
        reopened = await service.reopen_case(made.case.id, author, "没有解决", actor=actor)
        assert (reopened.case.status, reopened.case.closed_at) == ("reopened", None)
        assert reopened.case.answer_by > clock.now()
        assert reopened.events[-1].reason == "没有解决"
        await service.answer_case(made.case.id, "二", actor=cashier)
        with pytest.raises(errors.ReopenedBefore):
            await service.reopen_case(made.case.id, author, "x", actor=actor)


async def test_the_patient_says_more_until_the_case_is_closed_and_not_without_end(feedback: Feedback) -> None:
    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    actor = actor_of(author.account_id)
    made = await feedback.file(author)
    for _ in range(cases.PATIENT_MESSAGES_MAX - 1):
        said = await service.add_to_case(made.case.id, author, "还有", actor=actor)
    assert len(said.messages) == cases.PATIENT_MESSAGES_MAX
    with pytest.raises(errors.ConversationFull):
        await service.add_to_case(made.case.id, author, "x", actor=actor)
    await service.answer_case(made.case.id, "x", actor=cashier)
    await service.close_case(made.case.id, actor=cashier)
    with pytest.raises(errors.CaseStatusConflict):
        await service.add_to_case(made.case.id, author, "x", actor=actor)


STEPS = ("acknowledged", "answered", "transferred", "closed", "reopened")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", list(CASE.steps))
async def test_each_pair_of_states(feedback: Feedback, status: str, step: str) -> None:
    author, overseer = await feedback.author(), await feedback.holder("complaints_office")
    made = await feedback.file(author)
    await feedback.db.execute(
        "UPDATE feedback_case SET status = $2, answered_at = CASE WHEN $2 IN ('answered', 'reopened', 'closed')"
        " THEN $3::timestamptz END, closed_at = CASE WHEN $2 = 'closed' THEN $3 END WHERE id = $1",
        made.case.id,
        status,
        clock.now(),
    )
    work: dict[str, Callable[[], Awaitable[WholeCase]]] = {
        "acknowledged": lambda: service.acknowledge_case(made.case.id, actor=overseer),
        "answered": lambda: service.answer_case(made.case.id, "x", actor=overseer),
        "transferred": lambda: service.transfer_case(
            made.case.id, office="nursing_department", reason="x", actor=overseer
        ),
        "closed": lambda: service.close_case(made.case.id, actor=overseer),
        "reopened": lambda: service.reopen_case(made.case.id, author, "x", actor=actor_of(author.account_id)),
    }
    if CASE.allows(status, step):
        assert (await work[step]()).case.status == step
    else:
        with pytest.raises(errors.CaseStatusConflict) as refused:
            await work[step]()
        assert refused.value.details == {"current_status": status}
        assert await codes(made) == ["submitted"]


async def test_what_is_overdue_is_listed_counted_and_noted_once_a_deadline(feedback: Feedback) -> None:
    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    made = await feedback.file(author)

    async def overdue() -> list[Any]:
        listed = await queries.list_cases(
            office="charges_office", status=None, kind=None, overdue_only=True, after=None, limit=10
        )
        return [one.id for one in listed]

    assert (await overdue(), await service.escalate_overdue()) == ([], 0)
    with clock.frozen(made.case.acknowledge_by):
        assert await overdue() == [made.case.id]
        assert [await service.escalate_overdue() for _ in range(2)] == [1, 0]
        await metrics.refresh_gauges(feedback.db)
        assert metrics.OVERDUE.labels("charges_office")._value.get() == 1
        await service.acknowledge_case(made.case.id, actor=cashier)
        assert (await overdue(), await service.escalate_overdue()) == ([], 0)
    with clock.frozen(made.case.answer_by):
        assert [await service.escalate_overdue() for _ in range(2)] == [1, 0]
        assert await codes(made) == ["submitted", "escalated", "acknowledged", "escalated"]
        await service.answer_case(made.case.id, "x", actor=cashier)
        assert await overdue() == []
    metrics.forget_gauges()


async def test_what_is_answered_and_not_contested_closes_by_itself(feedback: Feedback) -> None:
    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    made = await feedback.file(author)
    await service.answer_case(made.case.id, "x", actor=cashier)
    with clock.frozen(clock.now() + timedelta(days=15, seconds=-1)):
        assert await service.close_answered() == 0
    with clock.frozen(clock.now() + timedelta(days=15)):
        assert [await service.close_answered() for _ in range(2)] == [1, 0]
    assert (await queries.get_case(made.case.id)).case.status == "closed"


async def test_people_are_told_of_what_offices_do(feedback: Feedback) -> None:
    told: list[Any] = []

    class Listener:
        async def tell(self, tx: Any, occasion: str, **facts: Any) -> None:
            told.append((occasion, facts["case_id"], facts["account_id"], facts["patient_id"]))

    author, cashier = await feedback.author(), await feedback.holder("charges_office")
    made = await feedback.file(author)
    set_herald(Listener())
    try:
        await service.acknowledge_case(made.case.id, actor=cashier)
        await service.answer_case(made.case.id, "x", actor=cashier)
    finally:
        set_herald(None)
    whose = (made.case.id, author.account_id, author.patient_id)
    assert told == [("feedback.acknowledged", *whose), ("feedback.answered", *whose)]


async def test_who_wants_to_be_nobody_gives_no_number(feedback: Feedback) -> None:
    author = await feedback.author()
    plain, hidden = await feedback.file(author), await feedback.file(author, anonymous=True)
    assert str(await queries.contact_of(plain.case)).startswith("144")
    assert await queries.contact_of(hidden.case) is None


async def test_the_administration_keeps_what_cases_rest_on(feedback: Feedback) -> None:
    made = await feedback.file(await feedback.author())
    office = next(
        one for one in await list_entries(kinds.OFFICE, filters={"code": "charges_office"}, after=None, limit=2)
    )
    with pytest.raises(InUse):
        await change_entry(kinds.OFFICE, office["id"], {"active": False}, version=1, actor=OFFICE)
    overseer = next(
        one for one in await list_entries(kinds.OFFICE, filters={"code": "complaints_office"}, after=None, limit=2)
    )
    with pytest.raises(EssentialEntry):
        await change_entry(kinds.OFFICE, overseer["id"], {"active": False}, version=1, actor=OFFICE)
    with pytest.raises(ValueNotAllowed):
        await change_entry(kinds.OFFICE, office["id"], {"role": "no_role"}, version=1, actor=OFFICE)
    (route, *_) = await list_entries(kinds.ROUTE, filters={"category": "charges"}, after=None, limit=5)
    with pytest.raises(EssentialEntry):
        await remove_entry(kinds.ROUTE, route["id"], version=1, actor=OFFICE)
    (rule,) = await list_entries(kinds.RULE, filters={}, after=None, limit=5)
    with pytest.raises(ValueNotAllowed):
        await change_entry(kinds.RULE, rule["id"], {"acknowledge_workdays": 8}, version=1, actor=OFFICE)
    await change_entry(kinds.RULE, rule["id"], {"answer_workdays": 10}, version=1, actor=OFFICE)
    assert (await get_entry(kinds.RULE, rule["id"]))["answer_workdays"] == 10
    # A day off of the hospital's own moves the deadline.
    day = {"date": "2026-09-07", "kind": "holiday", "name_zh": "院庆", "name_en": "", "source": "hospital"}
    await create_entry(catalogue_kinds.CALENDAR_DAY, day, actor=OFFICE)
    later = await feedback.file(await feedback.author())
    assert later.case.acknowledge_by == made.case.acknowledge_by + timedelta(days=1)
