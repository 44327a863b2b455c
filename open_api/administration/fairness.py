"""Missed visits and what follows: rule, bans, pardons, appeals, corrections; and the rule of free follow-ups."""

from typing import Final

from booking.catalogue import errors as catalogue_errors
from booking.catalogue import kinds
from booking.errors import AppointmentNotFound
from booking.fairness import bans, errors
from booking.fairness.noshows import correct_noshow
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, add_entries
from open_api.booking import render_appointment
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.fairness import before_of, page_of
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: fairness", staff_only=True, described_by=__name__)
_LIST: Final = "administration.ban"

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
