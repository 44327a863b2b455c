"""How satisfied a patient was with a visit that took place: said once, and amended for some days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from booking.errors import AppointmentNotFound
from booking.facts import Appointment
from booking.queries import get_appointment
from feedback import errors
from feedback.deadlines import FeedbackRule, read_rule
from feedback.questionnaires import Questionnaire, current_questionnaire, read_questionnaire
from feedback.service import Author
from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

TOOK_PLACE: Final = ("arrived", "fulfilled")


@dataclass(frozen=True, slots=True)
class Rating:
    """What was said of a visit. amendable_until: an instant, UTC."""

    appointment_id: UUID
    questionnaire_version: int
    marks: Mapping[str, int]
    comment: str | None
    amendable_until: datetime
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RatingForm:
    """What a patient sees: the questions, what they said before, and whether they may say or amend it now."""

    questionnaire: Questionnaire
    rating: Rating | None
    open: bool


async def read_form(appointment_id: UUID, author: Author, *, actor: Actor) -> RatingForm:
    """Give the questions about a visit, with what this account has said.

    Raises:
        VisitUnknown, DatabaseUnavailable.
    """
    visit, at = await _visit(appointment_id, author, actor), clock.now()
    db = database()
    rule = await read_rule(db)
    row = await db.fetchrow("SELECT * FROM satisfaction_rating WHERE appointment_id = $1", appointment_id)
    if row is None:
        is_open = visit.status in TOOK_PLACE and _is_rateable(visit, rule, at)
        return RatingForm(await current_questionnaire(db), None, is_open)
    if row["account_id"] != author.account_id:
        return RatingForm(await current_questionnaire(db), None, False)
    rating = _shaped(row, rule)
    questionnaire = await read_questionnaire(db, rating.questionnaire_version)
    return RatingForm(questionnaire, rating, at < rating.amendable_until)


async def rate_visit(
    appointment_id: UUID,
    author: Author,
    *,
    questionnaire_version: int,
    marks: Mapping[str, int],
    comment: str | None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> RatingForm:
    """Say how a visit was, or amend what was said; marks are one to five.

    Raises:
        VisitUnknown, VisitNotTakenPlace, RatingTimeOver: it cannot be rated, now or at all.
        RatedBefore: somebody else who acts for this person has rated it.
        QuestionnaireOutdated, MarksUnfit: the marks are not those of the questions.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    visit, at = await _visit(appointment_id, author, actor), clock.now()
    if visit.status not in TOOK_PLACE:
        raise errors.VisitNotTakenPlace
    async with database().transaction() as tx:
        if not (idempotency and await idempotency.replay(tx)):
            # Two phones of one family rate one after the other.
            await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 416))", str(appointment_id))
            before = await tx.fetchrow("SELECT * FROM satisfaction_rating WHERE appointment_id = $1", appointment_id)
            questionnaire = await _require_open(tx, visit, before, author, at=at)
            if questionnaire_version != questionnaire.version:
                raise errors.QuestionnaireOutdated(version=questionnaire.version)
            questionnaire.require_fit(marks)
            version = await _write(
                tx, visit, before, author, questionnaire_version=questionnaire.version, marks=marks, comment=comment,
                at=at,
            )  # fmt: skip
            await tx.execute(
                "INSERT INTO satisfaction_rating_event (appointment_id, at, version, client_id, request_id)"
                " VALUES ($1, $2, $3, $4, $5)",
                appointment_id,
                at,
                version,
                actor.client_id,
                actor.request_id,
            )
            if idempotency:
                await idempotency.remember(tx, {"version": version})
    return await read_form(appointment_id, author, actor=actor)


async def _visit(appointment_id: UUID, author: Author, actor: Actor) -> Appointment:
    try:
        visit = await get_appointment(appointment_id, actor=actor)
    except AppointmentNotFound as error:
        raise errors.VisitUnknown from error
    if visit.patient_id != author.patient_id:
        raise errors.VisitUnknown
    return visit


async def _require_open(
    tx: Transaction, visit: Appointment, before: Row | None, author: Author, *, at: datetime
) -> Questionnaire:
    """Give the questions that are to be answered, while they may be.

    Raises:
        RatedBefore, RatingTimeOver.
    """
    rule = await read_rule(tx)
    if before is None:
        if not _is_rateable(visit, rule, at):
            raise errors.RatingTimeOver(days=rule.rate_days)
        return await current_questionnaire(tx)
    if before["account_id"] != author.account_id:
        raise errors.RatedBefore
    if at >= _amendable_until(before["created_at"], rule):
        raise errors.RatingTimeOver(days=rule.amend_days)
    return await read_questionnaire(tx, before["questionnaire_version"])


async def _write(
    tx: Transaction,
    visit: Appointment,
    before: Row | None,
    author: Author,
    *,
    questionnaire_version: int,
    marks: Mapping[str, int],
    comment: str | None,
    at: datetime,
) -> int:
    sealed = cipher().seal(comment) if comment else None
    if before is None:
        await tx.execute(
            "INSERT INTO satisfaction_rating (appointment_id, account_id, patient_id, department_id, campus_id, month,"
            " questionnaire_version, marks, comment_cipher, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
            visit.id,
            author.account_id,
            author.patient_id,
            visit.department_id,
            visit.campus_id,
            month_of(at),
            questionnaire_version,
            dict(marks),
            sealed,
            at,
        )
        return 1
    amended: int = await tx.fetchval(
        "UPDATE satisfaction_rating SET marks = $3, comment_cipher = $4, updated_at = $5, version = version + 1"
        " WHERE appointment_id = $1 AND version = $2 RETURNING version",
        visit.id,
        before["version"],
        dict(marks),
        sealed,
        at,
    )
    return amended


def month_of(at: datetime) -> date:
    """Give the first day of the month, in Guangzhou, in which an instant falls."""
    return clock.clinic_date(at).replace(day=1)


def _is_rateable(visit: Appointment, rule: FeedbackRule, at: datetime) -> bool:
    return clock.clinic_date(at) <= visit.clinic_date + timedelta(days=rule.rate_days)


def _amendable_until(created_at: datetime, rule: FeedbackRule) -> datetime:
    return created_at + timedelta(days=rule.amend_days)


def _shaped(row: Row, rule: FeedbackRule) -> Rating:
    comment = row["comment_cipher"]
    return Rating(
        row["appointment_id"],
        row["questionnaire_version"],
        row["marks"],
        None if comment is None else cipher().open(comment),
        _amendable_until(row["created_at"], rule),
        row["created_at"],
        row["updated_at"],
    )
