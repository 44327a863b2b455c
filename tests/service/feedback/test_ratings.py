"""A visit is rated once by whoever was there, amended for some days, and no figure tells of one person."""

from datetime import date, time, timedelta
from typing import Any

import pytest

from feedback import errors
from feedback.questionnaires import add_questionnaire, list_questionnaires
from feedback.ratings import read_form
from feedback.service import Author
from feedback.statistics import last_settled_month, read_comments, read_satisfaction
from kernel import clock
from kernel.ids import new_id
from tests.factories.feedback import MARKS, Feedback, actor_of
from tests.factories.slot_office import OFFICE

SEPTEMBER = date(2026, 9, 1)
SETTLED = clock.clinic_instant(date(2026, 10, 9), time(12))
OVERALL = {"code": "overall", "zh": "总体？", "en": "Altogether?", "required": True}


async def test_a_visit_is_rated_and_amended_for_some_days(feedback: Feedback) -> None:
    author = await feedback.author()
    visit = await feedback.visit(author.patient_id)
    form = await read_form(visit.id, author, actor=actor_of(author.account_id))
    assert (form.rating, form.open) == (None, True)
    assert [question["code"] for question in form.questionnaire.questions] == [
        "overall",
        "waiting",
        "doctor",
        "cleanliness",
    ]
    said = await feedback.rate(author, visit, comment="候诊太久")
    assert said.rating is not None
    assert (said.rating.marks, said.rating.comment, said.open) == (MARKS, "候诊太久", True)
    with clock.frozen(said.rating.amendable_until - timedelta(seconds=1)):
        amended = await feedback.rate(author, visit, marks={"overall": 5})
    assert amended.rating is not None
    assert (amended.rating.marks, amended.rating.comment) == ({"overall": 5}, None)
    assert amended.rating.amendable_until == said.rating.amendable_until
    with clock.frozen(said.rating.amendable_until), pytest.raises(errors.RatingTimeOver):
        await feedback.rate(author, visit)
    history = await feedback.db.fetch("SELECT version FROM satisfaction_rating_event ORDER BY id")
    assert [row["version"] for row in history] == [1, 2]


@pytest.mark.parametrize("status", ["booked", "cancelled", "noshow"])
async def test_a_visit_that_did_not_take_place_is_not_rated(feedback: Feedback, status: str) -> None:
    author = await feedback.author()
    visit = await feedback.visit(author.patient_id, status=status)
    with pytest.raises(errors.VisitNotTakenPlace):
        await feedback.rate(author, visit)
    assert not (await read_form(visit.id, author, actor=actor_of(author.account_id))).open


async def test_a_visit_is_rated_in_time(feedback: Feedback) -> None:
    author = await feedback.author()
    visit = await feedback.visit(author.patient_id)
    last = clock.clinic_instant(visit.clinic_date + timedelta(days=31), time())
    with clock.frozen(last), pytest.raises(errors.RatingTimeOver):
        await feedback.rate(author, visit)
    with clock.frozen(last - timedelta(seconds=1)):
        await feedback.rate(author, visit)


async def test_a_strangers_visit_is_unknown_and_a_relative_rates_no_second_time(feedback: Feedback) -> None:
    author = await feedback.author()
    visit = await feedback.visit(author.patient_id)
    stranger, relative = await feedback.author(), await feedback.author(author.patient_id)
    with pytest.raises(errors.VisitUnknown):
        await feedback.rate(stranger, visit)
    with pytest.raises(errors.VisitUnknown):
        await read_form(new_id(), author, actor=actor_of(author.account_id))
    await feedback.rate(author, visit, comment="只给医院看")
    with pytest.raises(errors.RatedBefore):
        await feedback.rate(relative, visit)
    form = await read_form(visit.id, relative, actor=actor_of(relative.account_id))
    assert (form.rating, form.open) == (None, False)


@pytest.mark.parametrize(
    ("marks", "field"),
    [({"waiting": 3}, "overall"), ({"overall": 3, "food": 1}, "food")],
)
async def test_marks_fit_the_questions(feedback: Feedback, marks: dict[str, int], field: str) -> None:
    author = await feedback.author()
    visit = await feedback.visit(author.patient_id)
    with pytest.raises(errors.MarksUnfit) as refused:
        await feedback.rate(author, visit, marks=marks)
    assert refused.value.details == {"field": field}
    assert await feedback.db.fetchval("SELECT count(*) FROM satisfaction_rating") == 0


async def test_questions_follow_each_other_and_answers_stay_with_theirs(feedback: Feedback) -> None:
    author = await feedback.author()
    first, second = await feedback.visit(author.patient_id), await feedback.author()
    await feedback.rate(author, first)
    begins_at = clock.now() + timedelta(days=1)
    for wrong in (
        {"questions": [OVERALL, OVERALL]},
        {"questions": [OVERALL | {"required": False}]},
        {"begins_at": clock.now() - timedelta(seconds=1)},
    ):
        given: dict[str, Any] = {"begins_at": begins_at, "questions": [OVERALL]} | wrong
        with pytest.raises(errors.QuestionnaireUnfit):
            await add_questionnaire(**given, actor=OFFICE)
    made = await add_questionnaire(begins_at=begins_at, questions=[OVERALL], actor=OFFICE)
    assert made["version"] == 2
    with pytest.raises(errors.QuestionnaireUnfit):
        await add_questionnaire(begins_at=begins_at, questions=[OVERALL], actor=OFFICE)
    later = await feedback.visit(second.patient_id)
    with clock.frozen(begins_at):
        with pytest.raises(errors.QuestionnaireOutdated):
            await feedback.rate(second, later)
        await feedback.rate(second, later, questionnaire_version=2, marks={"overall": 1})
        # What was said to the old questions is amended as an answer to them.
        await feedback.rate(author, first)
    assert [one.version for one in await list_questionnaires(before=None, limit=5)] == [2, 1]


# --- statistics


async def many(feedback: Feedback, count: int, **given: Any) -> list[Author]:
    authors = [await feedback.author() for _ in range(count)]
    for author in authors:
        await feedback.rate(author, await feedback.visit(author.patient_id), **given)
    return authors


async def test_a_department_is_shown_when_enough_have_rated_it_and_not_before(feedback: Feedback) -> None:
    await many(feedback, 9, marks={"overall": 5, "doctor": 5}, comment="好")
    with clock.frozen(SETTLED):
        assert await read_satisfaction(month=SEPTEMBER, limit=10) == []
        assert await read_comments(month=SEPTEMBER, department_id=feedback.hospital.department_id) == []
    await many(feedback, 1, marks={"overall": 2}, comment="一般")
    with clock.frozen(SETTLED):
        (shown,) = await read_satisfaction(month=SEPTEMBER, limit=10)
        comments = await read_comments(month=SEPTEMBER, department_id=feedback.hospital.department_id)
    assert (shown.ratings, shown.department_id) == (10, feedback.hospital.department_id)
    marks = {one.code: (one.mean_hundredths, one.spread) for one in shown.questions}
    # Nine answered the second question, so that it is not shown.
    assert marks == {"overall": (470, [0, 1, 0, 0, 9]), "doctor": (None, None)}
    assert sorted(comments) == ["一般", *["好"] * 9]


async def test_a_month_is_shown_when_none_of_its_ratings_can_change(feedback: Feedback) -> None:
    await many(feedback, 10)
    with clock.frozen(SETTLED - timedelta(days=1)):
        with pytest.raises(errors.MonthNotSettled) as refused:
            await read_satisfaction(month=SEPTEMBER, limit=10)
        assert refused.value.details == {"settled_on": "2026-10-09"}
        with pytest.raises(errors.MonthNotSettled):
            await read_comments(month=SEPTEMBER, department_id=feedback.hospital.department_id)
        assert await last_settled_month() == date(2026, 8, 1)
    with clock.frozen(SETTLED):
        assert await last_settled_month() == SEPTEMBER
        assert len(await read_satisfaction(month=SEPTEMBER, limit=10)) == 1
