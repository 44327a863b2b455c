"""Complaints, suggestions and praise of the path's person, and how a visit was: filed, answered, reopened, rated."""

from typing import Any, Final

from booking.catalogue.errors import ReferenceUnknown
from booking.recent_visits import RecentVisit, find_visit
from feedback import errors, queries, ratings, service
from feedback.beginning import read_beginning
from feedback.facts import Case, Office, WholeCase
from feedback.ratings import RatingForm
from feedback.service import Author, Submission
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from patient_app.calls import PatientCall
from patient_app.routing import MEMBER, PREFIX, Routes
from patients.errors import PatientNotFound

routes = Routes("feedback")
_LIST: Final = "app.feedback"
_BASE: Final = f"{MEMBER}/feedback"
_RATING: Final = f"{MEMBER}/appointments/<appointment_id:uuid>/rating"
_WHOLE: Final = "app/feedback_case.json"


@routes.get(
    _BASE,
    query="app/feedback_query.json",
    response="app/feedback_case_list.json",
    errors=[InvalidCursor, PatientNotFound, DatabaseUnavailable],
)
async def list_feedback(call: PatientCall) -> Reply:
    """List what this account has filed for the person, the newest first."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    before = parse_id(str(read_cursor(_LIST, call.query["cursor"])[0])) if "cursor" in call.query else None
    found = await queries.list_own(
        account_id=call.account_id, patient_id=call.patient_id, before=before, limit=limit + 1
    )
    shown = found[:limit]
    return page(
        [_brief(one, call.language) for one in shown],
        next_cursor=write_cursor(_LIST, str(shown[-1].id)) if len(found) > limit else None,
    )


@routes.get(
    f"{MEMBER}/feedback-form",
    response="app/feedback_form.json",
    errors=[PatientNotFound, DatabaseUnavailable],
)
async def get_feedback_form(call: PatientCall) -> Reply:
    """Read which visits somebody may write about or rate, and by when the hospital would answer."""
    found = await read_beginning(_author(call))
    return ok(
        {
            "acknowledge_by": found.acknowledge_by,
            "answer_by": found.answer_by,
            "reopen_days": found.reopen_days,
            "visits": [{"visit": _visit(one.visit, call.language), "rating": one.rating} for one in found.visits],
        }
    )


@routes.post(
    _BASE,
    request="app/feedback_request.json",
    response=_WHOLE,
    errors=[
        errors.VisitUnknown,
        errors.TooManyCases,
        ReferenceUnknown,
        PatientNotFound,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def submit_feedback(call: PatientCall) -> Reply:
    """File a complaint, a suggestion or praise; it goes to the office that its category and place belong to."""
    body = call.body
    ids = {name: parse_id(body[name]) for name in ("appointment_id", "campus_id", "department_id") if name in body}
    made = await service.submit_case(
        _author(call),
        Submission(
            kind=body["kind"],
            category=body["category"],
            text=body["text"],
            anonymous=body.get("anonymous", False),
            **ids,
        ),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    location = f"{PREFIX}/members/{call.patient_id}/feedback/{made.case.id}"
    return created(await _whole(made, call), location=location)


@routes.get(
    f"{_BASE}/<case_id:uuid>",
    response=_WHOLE,
    errors=[errors.CaseNotFound, PatientNotFound, DatabaseUnavailable],
)
async def get_feedback(call: PatientCall) -> Reply:
    """Read what was filed, how far it is, and what was said on both sides."""
    found = await queries.get_own(call.path["case_id"], account_id=call.account_id, patient_id=call.patient_id)
    return ok(await _whole(found, call))


@routes.post(
    f"{_BASE}/<case_id:uuid>/messages",
    request="app/feedback_message_request.json",
    response=_WHOLE,
    errors=[
        errors.CaseNotFound,
        errors.CaseStatusConflict,
        errors.ConversationFull,
        PatientNotFound,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def add_feedback_message(call: PatientCall) -> Reply:
    """Say more, until the case is closed."""
    found = await service.add_to_case(
        call.path["case_id"], _author(call), call.body["text"], actor=call.actor, idempotency=call.idempotency
    )
    return ok(await _whole(found, call))


@routes.post(
    f"{_BASE}/<case_id:uuid>/reopen",
    request="app/feedback_reopening.json",
    response=_WHOLE,
    errors=[
        errors.CaseNotFound,
        errors.CaseStatusConflict,
        errors.ReopenedBefore,
        errors.ReopenTimeOver,
        PatientNotFound,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def reopen_feedback(call: PatientCall) -> Reply:
    """Say once, with a reason, that the answer does not do."""
    found = await service.reopen_case(
        call.path["case_id"], _author(call), call.body["reason"], actor=call.actor, idempotency=call.idempotency
    )
    return ok(await _whole(found, call))


@routes.get(
    _RATING, response="app/rating_form.json", errors=[errors.VisitNotFound, PatientNotFound, DatabaseUnavailable]
)
async def get_rating(call: PatientCall) -> Reply:
    """Read the questions about a visit, with what this account has said."""
    try:
        form = await ratings.read_form(call.path["appointment_id"], _author(call), actor=call.actor)
    except errors.VisitUnknown as error:
        raise errors.VisitNotFound from error
    return ok(await _form(form, call))


@routes.put(
    _RATING,
    request="app/rating_request.json",
    response="app/rating_form.json",
    errors=[
        errors.VisitNotFound,
        errors.VisitNotTakenPlace,
        errors.RatingTimeOver,
        errors.RatedBefore,
        errors.QuestionnaireOutdated,
        errors.MarksUnfit,
        PatientNotFound,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def rate_visit(call: PatientCall) -> Reply:
    """Say how a visit was, or amend it while that is open."""
    body = call.body
    try:
        form = await ratings.rate_visit(
            call.path["appointment_id"],
            _author(call),
            questionnaire_version=int(body["questionnaire_version"]),
            marks={code: int(mark) for code, mark in body["marks"].items()},
            comment=body.get("comment"),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    except errors.VisitUnknown as error:
        raise errors.VisitNotFound from error
    return ok(await _form(form, call))


def _author(call: PatientCall) -> Author:
    return Author(call.account_id, call.patient_id)


def _office(office: Office, language: str) -> str:
    return office.name_en if language == "en" else office.name_zh


def _brief(case: Case, language: str) -> dict[str, Any]:
    return {
        "id": case.id,
        "kind": case.kind,
        "category": case.category,
        "status": case.status,
        "anonymous": case.anonymous,
        "appointment_id": case.appointment_id,
        "office": _office(case.office, language),
        "answer_by": case.answer_by,
        "answered_at": case.answered_at,
        "can_reopen": case.can_reopen,
        "created_at": case.created_at,
        "updated_at": case.updated_at,
    }


def _visit(visit: RecentVisit, language: str) -> dict[str, Any]:
    return {
        "appointment_id": visit.id,
        "starts_at": visit.starts_at,
        "department": visit.department_en if language == "en" else visit.department_zh,
        "practitioner": visit.practitioner,
    }


async def _whole(whole: WholeCase, call: PatientCall) -> dict[str, Any]:
    about, language = whole.case.appointment_id, call.language
    visit = None if about is None else await find_visit(call.patient_id, about)
    return _brief(whole.case, language) | {
        "visit": visit and _visit(visit, language),
        "messages": [
            {
                "at": one.at,
                "author": one.author,
                "office": _office(one.office, language) if one.office else None,
                "text": one.text,
            }
            for one in whole.messages
        ],
        "steps": [
            {"at": one.at, "action": one.action, "reason": one.reason if one.action == "reopened" else None}
            for one in whole.events
            if one.action not in {"message", "escalated"}
        ],
    }


async def _form(form: RatingForm, call: PatientCall) -> dict[str, Any]:
    rating = form.rating
    text = "en" if call.language == "en" else "zh"
    visit = await find_visit(call.patient_id, call.path["appointment_id"])
    assert visit is not None, "the form was read for it"
    return {
        "visit": _visit(visit, call.language),
        "questionnaire_version": form.questionnaire.version,
        "questions": [
            {"code": one["code"], "text": one[text], "required": one["required"]}
            for one in form.questionnaire.questions
        ],
        "open": form.open,
        "rating": rating
        and {
            "marks": dict(rating.marks),
            "comment": rating.comment,
            "amendable_until": rating.amendable_until,
            "created_at": rating.created_at,
            "updated_at": rating.updated_at,
        },
    }
