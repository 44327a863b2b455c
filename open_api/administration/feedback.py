"""What patients complain of, suggest and praise, for the offices that answer; and how satisfied they were."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from booking.catalogue import errors as catalogue_errors
from feedback import errors, kinds, queries, questionnaires, service, statistics
from feedback.facts import Case, WholeCase
from kernel.db import DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.ids import parse_id
from open_api.administration.entries import READ as RULES_READ
from open_api.administration.entries import WRITE as RULES_WRITE
from open_api.administration.entries import WRITE_ERRORS, add_entries, after, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import PREFIX, Routes

routes: Final = Routes("administration: feedback", staff_only=True, operation_class="sensitive", described_by=__name__)
READ: Final = "feedback.read"
WRITE: Final = "feedback.write"
_BASE: Final = "/administration/feedback"
_CASES: Final = "feedback.cases"
_SATISFACTION: Final = "feedback.satisfaction"
_QUESTIONNAIRES: Final = "feedback.questionnaires"
_WHOLE: Final = "feedback/office_case.json"
_STEP_ERRORS: Final[tuple[type[HospitalError], ...]] = (
    errors.CaseNotFound,
    errors.NotOfTheOffice,
    errors.CaseStatusConflict,
    *WRITE_ERRORS,
)


# --- cases


@routes.get(
    _BASE,
    scope=READ,
    query="feedback/office_case_query.json",
    response="feedback/office_case_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_feedback(call: PartnerCall) -> Reply:
    """List what patients have filed, the oldest first: of an office, in a state, or what is overdue."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_CASES, query)
    found = await queries.list_cases(
        office=query.get("office"),
        status=query.get("status"),
        kind=query.get("kind"),
        overdue_only=query.get("overdue", False),
        after=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_CASES, [show_case(one) for one in found], limit, "id")


@routes.get(
    f"{_BASE}/<case_id:uuid>",
    scope=READ,
    response=_WHOLE,
    errors=[errors.CaseNotFound, DatabaseUnavailable],
)
async def get_feedback(call: PartnerCall) -> Reply:
    """Read a case with all that was said and done, and the number to call unless the patient wants to be nobody."""
    return await _shown(await queries.get_case(call.path["case_id"]))


@routes.post(f"{_BASE}/<case_id:uuid>/acknowledge", scope=WRITE, response=_WHOLE, errors=_STEP_ERRORS)
async def acknowledge_feedback(call: PartnerCall) -> Reply:
    """Take a case in hand, so that the patient sees that somebody has read it."""
    return await _shown(
        await service.acknowledge_case(call.path["case_id"], actor=call.actor, idempotency=call.idempotency)
    )


@routes.post(
    f"{_BASE}/<case_id:uuid>/answer",
    scope=WRITE,
    request="feedback/answer.json",
    response=_WHOLE,
    errors=[errors.ConversationFull, *_STEP_ERRORS],
)
async def answer_feedback(call: PartnerCall) -> Reply:
    """Answer the patient, who is told; who answers at once has acknowledged by it."""
    return await _shown(
        await service.answer_case(
            call.path["case_id"], call.body["text"], actor=call.actor, idempotency=call.idempotency
        )
    )


@routes.post(
    f"{_BASE}/<case_id:uuid>/transfer",
    scope=WRITE,
    request="feedback/transfer.json",
    response=_WHOLE,
    errors=[errors.OfficeUnknown, errors.TransfersUsed, *_STEP_ERRORS],
)
async def transfer_feedback(call: PartnerCall) -> Reply:
    """Pass a case on to the office it belongs to, with the reason; the day of the answer stays."""
    return await _shown(
        await service.transfer_case(
            call.path["case_id"],
            office=call.body["office"],
            reason=call.body["reason"],
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(f"{_BASE}/<case_id:uuid>/close", scope=WRITE, response=_WHOLE, errors=_STEP_ERRORS)
async def close_feedback(call: PartnerCall) -> Reply:
    """Close a case that has been answered."""
    return await _shown(await service.close_case(call.path["case_id"], actor=call.actor, idempotency=call.idempotency))


# --- satisfaction


@routes.get(
    "/administration/feedback-satisfaction",
    scope=READ,
    query="feedback/satisfaction_query.json",
    response="feedback/satisfaction_list.json",
    errors=[InvalidCursor, errors.MonthNotSettled, DatabaseUnavailable],
)
async def list_satisfaction(call: PartnerCall) -> Reply:
    """List how satisfied patients were in a month, by department; those that few have rated are left out."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_SATISFACTION, query)
    found = await statistics.read_satisfaction(
        month=await _month(query),
        department_id=parse_id(query["department_id"]) if "department_id" in query else None,
        after=parse_id(last) if last else None,
        limit=limit + 1,
    )
    shown = [
        asdict(one) | {"department_id": str(one.department_id), "month": one.month.strftime("%Y-%m")} for one in found
    ]
    return shown_page(_SATISFACTION, shown, limit, "department_id")


@routes.get(
    "/administration/feedback-comments",
    scope=READ,
    query="feedback/comment_query.json",
    response="feedback/comments.json",
    errors=[errors.MonthNotSettled, DatabaseUnavailable],
)
async def list_satisfaction_comments(call: PartnerCall) -> Reply:
    """Read what patients wrote of a department in a month, in no order and of nobody; none where few have rated it."""
    month = await _month(call.query)
    comments = await statistics.read_comments(month=month, department_id=parse_id(call.query["department_id"]))
    return ok({"month": month.strftime("%Y-%m"), "comments": comments})


@routes.get(
    "/administration/questionnaires",
    scope=RULES_READ,
    query="feedback/questionnaire_query.json",
    response="feedback/questionnaire_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_questionnaires(call: PartnerCall) -> Reply:
    """List the questions that were, are and will be asked after a visit, the newest first."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    last = after(_QUESTIONNAIRES, call.query)
    found = await questionnaires.list_questionnaires(before=int(last) if last else None, limit=limit + 1)
    shown = [asdict(one) | {"begins_at": one.begins_at.astimezone(UTC).isoformat()} for one in found]
    return shown_page(_QUESTIONNAIRES, shown, limit, "version")


@routes.post(
    "/administration/questionnaires",
    scope=RULES_WRITE,
    request="feedback/questionnaire_new.json",
    response="feedback/questionnaire.json",
    errors=[errors.QuestionnaireUnfit, *WRITE_ERRORS],
    status=201,
)
async def create_questionnaire(call: PartnerCall) -> Reply:
    """Add the questions that are asked after a visit from an instant on; those of before stay with their answers."""
    made = await questionnaires.add_questionnaire(
        begins_at=datetime.fromisoformat(call.body["begins_at"]).astimezone(UTC),
        questions=call.body["questions"],
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(made, location=f"{PREFIX}/administration/questionnaires")


# --- rules

add_entries(
    routes,
    kinds.OFFICE,
    "/administration/complaint-offices",
    one="office that answers patients",
    many="offices that answer patients",
    refusals=[catalogue_errors.ValueNotAllowed, catalogue_errors.EssentialEntry],
)
add_entries(
    routes,
    kinds.ROUTE,
    "/administration/complaint-routes",
    one="route of a category to its office",
    many="routes of categories to their offices",
    removable=True,
    refusals=[
        catalogue_errors.ReferenceUnknown,
        catalogue_errors.ValueNotAllowed,
        catalogue_errors.EssentialEntry,
    ],
)
add_entries(
    routes,
    kinds.RULE,
    "/administration/complaint-rules",
    one="rule of how long offices have",
    many="rules of how long offices have",
    creatable=False,
    refusals=[catalogue_errors.ValueNotAllowed],
)


# --- rendering


async def _shown(whole: WholeCase) -> Reply:
    case = show_case(whole.case)
    return ok(
        case
        | {
            "contact_phone": await queries.contact_of(whole.case),
            "messages": [
                {
                    "at": one.at,
                    "author": one.author,
                    "office": one.office.code if one.office else None,
                    "staff_code": one.staff_code,
                    "text": one.text,
                }
                for one in whole.messages
            ],
            "events": [asdict(one) for one in whole.events],
        }
    )


def show_case(case: Case) -> dict[str, Any]:
    """Show a case to those who answer it. Of who wants to be nobody it says neither person nor visit."""
    shown = {name: value for name, value in asdict(case).items() if name not in {"account_id", "can_reopen"}}
    shown["office"] = case.office.code
    for name in ("id", "patient_id", "appointment_id", "campus_id", "department_id"):
        value: UUID | None = shown[name]
        shown[name] = None if value is None else str(value)
    if case.anonymous:
        shown |= {"patient_id": None, "appointment_id": None}
    return shown


async def _month(query: dict[str, Any]) -> date:
    """Give the month that is asked for, else the last whose figures are settled."""
    if "month" in query:
        return date.fromisoformat(f"{query['month']}-01")
    return await statistics.last_settled_month()
