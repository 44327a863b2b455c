"""The waitlist (候补): joining it, one's place in it, and answering offers."""

from datetime import date
from typing import Final
from uuid import UUID

from booking import errors as booking_errors
from booking.payment.errors import PaymentRequired
from booking.waitlist import errors, queries, service
from booking.waitlist.facts import Wanted
from booking.waitlist.queries import EntryFilter
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.booking import render_appointment
from open_api.calls import PartnerCall, Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Routes

routes: Final = Routes("waitlist")
_LIST: Final = "waitlist"
_WRITE_ERRORS: Final = (IdempotencyMismatch, DatabaseUnavailable)


@routes.post(
    "/waitlist",
    scope="waitlist.write",
    request="waitlist/entry_request.json",
    response="waitlist/entry.json",
    errors=[
        errors.TargetNotFound,
        errors.DatesInvalid,
        errors.WaitlistClosed,
        errors.SeatsAvailable,
        errors.AlreadyWaiting,
        errors.LimitReached,
        errors.PriorityNotAllowed,
        booking_errors.NotReleased,
        booking_errors.PatientUnknown,
        booking_errors.PatientNotEligible,
        booking_errors.AlreadyBooked,
        *_WRITE_ERRORS,
    ],
    status=201,
)
async def join_waitlist(call: PartnerCall) -> Reply:
    """Put a patient on the list for a number that may come free."""
    body = call.body
    days = tuple(date.fromisoformat(body[name]) for name in ("date_from", "date_until") if name in body)
    entry = await service.join_waitlist(
        Wanted(
            target_kind=body["target_kind"],
            target_id=parse_id(body["target_id"]),
            patient_id=parse_id(body["patient_id"]),
            days=(days[0], days[1]) if days else None,
            periods=tuple(body.get("periods", ())),
            is_urgent=body.get("priority") == "urgent",
        ),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(entry.stored(), location=f"/open/v1/waitlist/{entry.id}")


@routes.get(
    "/waitlist",
    scope="waitlist.read",
    query="waitlist/entry_query.json",
    response="waitlist/entry_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_entries(call: PartnerCall) -> Reply:
    """List who waits on your application's behalf (everybody, for the hospital's own), newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await queries.list_entries(
        EntryFilter(
            patient_id=parse_id(query["patient_id"]) if "patient_id" in query else None,
            target_id=parse_id(query["target_id"]) if "target_id" in query else None,
            status=query.get("status"),
        ),
        actor=call.actor,
        before=UUID(str(read_cursor(_LIST, query["cursor"])[0])) if "cursor" in query else None,
        limit=limit + 1,
    )
    shown = found[:limit]
    return page(
        [entry.stored() for entry in shown],
        next_cursor=write_cursor(_LIST, str(shown[-1].id)) if len(found) > limit else None,
    )


@routes.get(
    "/waitlist/<entry_id:uuid>",
    scope="waitlist.read",
    response="waitlist/entry.json",
    errors=[errors.EntryNotFound, DatabaseUnavailable],
)
async def get_entry(call: PartnerCall) -> Reply:
    """Read an entry: its place, how many wait, and whether there is an offer."""
    return ok((await queries.get_entry(call.path["entry_id"], actor=call.actor)).stored())


@routes.post(
    "/waitlist/<entry_id:uuid>/withdraw",
    scope="waitlist.write",
    response="waitlist/entry.json",
    errors=[errors.EntryNotFound, errors.EntryEnded, *_WRITE_ERRORS],
)
async def withdraw_entry(call: PartnerCall) -> Reply:
    """Take a patient off the list; an open offer passes on to the next."""
    entry = await service.withdraw_entry(entry_id=call.path["entry_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(entry.stored())


@routes.get(
    "/waitlist/<entry_id:uuid>/offers",
    scope="waitlist.read",
    response="waitlist/offer_list.json",
    errors=[errors.EntryNotFound, DatabaseUnavailable],
)
async def list_offers(call: PartnerCall) -> Reply:
    """List what an entry was offered, newest first, with the countdown of the open one."""
    offers = await queries.list_offers(call.path["entry_id"], actor=call.actor)
    return ok({"items": [offer.stored() for offer in offers]})


@routes.get(
    "/waitlist/offers/<offer_id:uuid>",
    scope="waitlist.read",
    response="waitlist/offer.json",
    errors=[errors.OfferNotFound, DatabaseUnavailable],
)
async def get_offer(call: PartnerCall) -> Reply:
    """Read an offer with its countdown."""
    return ok((await queries.get_offer(call.path["offer_id"], actor=call.actor)).stored())


@routes.post(
    "/waitlist/offers/<offer_id:uuid>/accept",
    scope="waitlist.write",
    response="booking/appointment.json",
    errors=[errors.OfferNotFound, errors.OfferEnded, PaymentRequired, *_WRITE_ERRORS],
    status=201,
)
async def accept_offer(call: PartnerCall) -> Reply:
    """Take the offered number: it becomes an appointment, and the patient's other entries there close."""
    appointment = await service.accept_offer(
        offer_id=call.path["offer_id"], actor=call.actor, idempotency=call.idempotency
    )
    return created(render_appointment(appointment), location=f"/open/v1/appointments/{appointment.id}")


@routes.post(
    "/waitlist/offers/<offer_id:uuid>/decline",
    scope="waitlist.write",
    response="waitlist/offer.json",
    errors=[errors.OfferNotFound, errors.OfferEnded, *_WRITE_ERRORS],
)
async def decline_offer(call: PartnerCall) -> Reply:
    """Let the offered number pass on; the patient goes on waiting, but is not offered that slot again."""
    offer = await service.decline_offer(offer_id=call.path["offer_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(offer.stored())
