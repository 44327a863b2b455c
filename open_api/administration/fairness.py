"""Missed visits and what follows, patterns of holding and letting go, limits; and the rule of free follow-ups."""

from typing import Final

from booking.catalogue import errors as catalogue_errors
from booking.catalogue import kinds
from booking.errors import AppointmentNotFound
from booking.fairness import bans, errors, flags
from booking.fairness.noshows import correct_noshow
from kernel.db import DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, add_entries
from open_api.booking import render_appointment
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.fairness import before_of, page_of
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: fairness", staff_only=True, operation_class="sensitive", described_by=__name__)
_LIST: Final = "administration.ban"
_FLAGS: Final = "administration.hold_pattern_flag"

add_entries(
    routes,
    kinds.NOSHOW_RULE,
    "/administration/noshow-rules",
    one="no-show rule",
    many="no-show rules",
    creatable=False,
    refusals=[catalogue_errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.FOLLOWUP_RULE,
    "/administration/followup-rules",
    one="follow-up rule",
    many="follow-up rules",
    creatable=False,
    refusals=[catalogue_errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.CLAIM_LIMIT,
    "/administration/claim-limits",
    one="limit of holds or bookings",
    many="limits of holds and bookings",
    creatable=False,
    refusals=[catalogue_errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.HOLD_PATTERN_RULE,
    "/administration/hold-pattern-rules",
    one="rule of patterns of holding and letting go",
    many="rules of patterns of holding and letting go",
    creatable=False,
    refusals=[catalogue_errors.ValueNotAllowed],
)


@routes.get(
    "/administration/bans",
    scope=READ,
    query="fairness/office_ban_query.json",
    response="fairness/ban_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_all_bans(call: PartnerCall) -> Reply:
    """List bans, newest first: everybody's or one patient's, those that count now, those with an open appeal."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await bans.list_bans(
        actor=call.actor,
        patient_id=parse_id(query["patient_id"]) if "patient_id" in query else None,
        appealed=query.get("appealed"),
        running=query.get("running"),
        before=before_of(_LIST, query),
        limit=limit + 1,
    )
    return page_of(_LIST, found, limit)


@routes.post(
    "/administration/bans/<ban_id:uuid>/lift",
    scope=WRITE,
    request="fairness/ban_lift.json",
    response="fairness/ban.json",
    errors=[errors.BanNotFound, errors.BanNotActive, *WRITE_ERRORS],
)
async def lift_ban(call: PartnerCall) -> Reply:
    """Pardon: end a ban before its time; other bans of the patient stand."""
    return ok(
        await bans.lift_ban(
            ban_id=call.path["ban_id"], reason=call.body["reason"], actor=call.actor, idempotency=call.idempotency
        )
    )


@routes.post(
    "/administration/ban-appeals/<appeal_id:uuid>/decide",
    scope=WRITE,
    request="fairness/appeal_decision.json",
    response="fairness/ban.json",
    errors=[errors.AppealNotFound, errors.AppealDecided, errors.BanNotActive, *WRITE_ERRORS],
)
async def decide_appeal(call: PartnerCall) -> Reply:
    """Grant an appeal, which lifts its ban, or reject it; answers with the ban."""
    return ok(
        await bans.decide_appeal(
            appeal_id=call.path["appeal_id"],
            decision=call.body["decision"],
            reason=call.body["reason"],
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/administration/appointments/<appointment_id:uuid>/correct-noshow",
    scope=WRITE,
    request="fairness/noshow_correction.json",
    response="booking/appointment.json",
    errors=[AppointmentNotFound, errors.NotNoShow, *WRITE_ERRORS],
)
async def take_noshow_back(call: PartnerCall) -> Reply:
    """Take back a no-show that was none; the bans that rest on it are counted anew."""
    appointment = await correct_noshow(
        appointment_id=call.path["appointment_id"],
        reason=call.body["reason"],
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(render_appointment(appointment))


@routes.get(
    "/administration/hold-patterns",
    scope=READ,
    query="fairness/pattern_query.json",
    response="fairness/pattern_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_hold_patterns(call: PartnerCall) -> Reply:
    """List what looks like holding numbers for others, newest first; those that are `open` wait for somebody."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    found = await flags.list_flags(
        status=call.query.get("status"), before=before_of(_FLAGS, call.query), limit=limit + 1
    )
    return page_of(_FLAGS, found, limit)


@routes.get(
    "/administration/hold-patterns/<flag_id:uuid>",
    scope=READ,
    response="fairness/pattern_with_evidence.json",
    errors=[errors.PatternFlagNotFound, DatabaseUnavailable],
)
async def get_hold_pattern(call: PartnerCall) -> Reply:
    """Read one finding with the events that it rests on."""
    return ok(await flags.get_flag(call.path["flag_id"]))


_DECISION_ERRORS: Final[tuple[type[HospitalError], ...]] = (
    errors.PatternFlagNotFound,
    errors.PatternFlagDecided,
    *WRITE_ERRORS,
)


@routes.post(
    "/administration/hold-patterns/<flag_id:uuid>/confirm",
    scope=WRITE,
    request="fairness/pattern_confirmation.json",
    response="fairness/pattern_with_evidence.json",
    errors=_DECISION_ERRORS,
)
async def confirm_hold_pattern(call: PartnerCall) -> Reply:
    """Agree with a finding: its subject may hold nothing for a while, and still book directly."""
    return ok(
        await flags.confirm_flag(
            flag_id=call.path["flag_id"],
            reason=call.body["reason"],
            cool_down_minutes=call.body.get("cool_down_minutes"),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/administration/hold-patterns/<flag_id:uuid>/dismiss",
    scope=WRITE,
    request="fairness/pattern_decision.json",
    response="fairness/pattern_with_evidence.json",
    errors=_DECISION_ERRORS,
)
async def dismiss_hold_pattern(call: PartnerCall) -> Reply:
    """Find nothing wrong: nothing follows, and the same events are not raised again."""
    return ok(
        await flags.dismiss_flag(
            flag_id=call.path["flag_id"], reason=call.body["reason"], actor=call.actor, idempotency=call.idempotency
        )
    )


@routes.post(
    "/administration/hold-patterns/<flag_id:uuid>/lift",
    scope=WRITE,
    request="fairness/pattern_decision.json",
    response="fairness/pattern_with_evidence.json",
    errors=_DECISION_ERRORS,
)
async def lift_cool_down(call: PartnerCall) -> Reply:
    """End the cool-down of a finding before its time."""
    return ok(
        await flags.lift_cool_down(
            flag_id=call.path["flag_id"], reason=call.body["reason"], actor=call.actor, idempotency=call.idempotency
        )
    )
