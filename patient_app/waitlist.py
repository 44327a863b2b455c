"""The waitlist of the path's person: what joining means, their places, and what is offered to them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from booking import errors as booking_errors
from booking.payment import errors as fee_errors
from booking.payment.orders import order_hold
from booking.waitlist import errors, queries, service, showing
from booking.waitlist.facts import Entry, Offer, Wanted
from booking.waitlist.queries import EntryFilter
from booking.waitlist.showing import ShownOffer, Target
from kernel.ids import parse_id
from open_api.calls import Reply, created, ok
from patient_app.calls import PatientCall
from patient_app.owned import own_offer, own_waitlist_entry
from patient_app.routing import MEMBER, PREFIX, Routes
from payments.errors import OrderEnding, SubjectAlreadyOrdered

routes = Routes("waitlist")
ENTRIES_MAX: Final = 50
_ENTRY: Final = "app/waitlist_entry.json"
_OFFER: Final = "app/waitlist_offer.json"
_LIST: Final = f"{MEMBER}/waitlist"


@routes.get(
    f"{_LIST}/prospect",
    query="app/waitlist_prospect_query.json",
    response="app/waitlist_prospect.json",
    errors=[errors.TargetNotFound],
)
async def get_waitlist_prospect(call: PatientCall) -> Reply:
    """Read what joining the waitlist of a clinic, doctor or department would mean for the person."""
    found = await showing.read_prospect(
        kind=call.query["target_kind"], target_id=parse_id(call.query["target_id"]), patient_id=call.patient_id
    )
    return ok(
        _target(found.target, call.language)
        | {
            "standing": found.standing,
            "entry_id": found.entry_id,
            "closes_at": found.closes_at,
            "offer_minutes": found.offer_minutes,
            "waiting": found.waiting,
            "days_max": service.DAYS_MAX,
        }
    )


@routes.get(_LIST, response="app/waitlist.json")
async def list_waitlist(call: PatientCall) -> Reply:
    """List what the person waits for, and what has become of it, the newest first."""
    wanted = EntryFilter(patient_id=call.patient_id)
    found = await queries.list_entries(wanted, actor=call.actor, before=None, limit=ENTRIES_MAX)
    targets = await showing.read_targets([one.target_id for one in found])
    items = [_entry(one, targets, call.language) for one in found]
    return ok({"items": sorted(items, key=lambda one: one["status"] != "waiting")})


@routes.post(
    _LIST,
    request="app/waitlist_request.json",
    response=_ENTRY,
    errors=[
        errors.TargetNotFound,
        errors.DatesInvalid,
        errors.WaitlistClosed,
        errors.SeatsAvailable,
        errors.AlreadyWaiting,
        errors.LimitReached,
        booking_errors.NotReleased,
        booking_errors.PatientUnknown,
        booking_errors.PatientNotEligible,
        booking_errors.AlreadyBooked,
    ],
    status=201,
)
async def join_waitlist(call: PatientCall) -> Reply:
    """Put the person on the list for a number that may come free."""
    body = call.body
    days = tuple(date.fromisoformat(body[name]) for name in ("date_from", "date_until") if name in body)
    entry = await service.join_waitlist(
        Wanted(
            target_kind=body["target_kind"],
            target_id=parse_id(body["target_id"]),
            patient_id=call.patient_id,
            days=(days[0], days[1]) if days else None,
            periods=tuple(body.get("periods", ())),
        ),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(await _shown(entry, call.language), location=f"{PREFIX}/members/{call.patient_id}/waitlist")


@routes.post(f"{_LIST}/<entry_id:uuid>/withdraw", response=_ENTRY, errors=[errors.EntryNotFound, errors.EntryEnded])
async def withdraw_from_waitlist(call: PatientCall) -> Reply:
    """Take the person off the list; a number that is being offered to them passes on."""
    entry = await own_waitlist_entry(call, call.path["entry_id"])
    ended = await service.withdraw_entry(entry_id=entry.id, actor=call.actor, idempotency=call.idempotency)
    return ok(await _shown(ended, call.language))


@routes.get(f"{MEMBER}/offers/<offer_id:uuid>", response=_OFFER, errors=[errors.OfferNotFound])
async def get_waitlist_offer(call: PatientCall) -> Reply:
    """Read an offer: what, where, for how much, and until when it is kept."""
    return ok(await _shown_offer(call, await own_offer(call, call.path["offer_id"])))


@routes.post(
    f"{MEMBER}/offers/<offer_id:uuid>/accept",
    response="app/waitlist_taken.json",
    errors=[
        errors.OfferNotFound,
        errors.OfferEnded,
        booking_errors.AlreadyBooked,
        booking_errors.HoldNotFound,
        booking_errors.HoldEnded,
        booking_errors.SlotNotFound,
        fee_errors.PaymentRequired,
        fee_errors.NothingToPay,
        fee_errors.PayAtWindow,
        OrderEnding,
    ],
    status=201,
)
async def accept_waitlist_offer(call: PatientCall) -> Reply:
    """Take the offered number: it becomes an appointment, or an order to be paid first while it is kept."""
    offer = await own_offer(call, call.path["offer_id"])
    base = f"{PREFIX}/members/{call.patient_id}"
    if (await showing.show_offer(offer, actor=call.actor)).pays_first:
        order_id = await _order(call, offer)
        return created({"appointment_id": None, "order_id": order_id}, location=f"{base}/offers/{offer.id}")
    appointment = await service.accept_offer(offer_id=offer.id, actor=call.actor, idempotency=call.idempotency)
    return created(
        {"appointment_id": appointment.id, "order_id": None}, location=f"{base}/appointments/{appointment.id}"
    )


@routes.post(
    f"{MEMBER}/offers/<offer_id:uuid>/decline",
    response=_OFFER,
    errors=[errors.OfferNotFound, errors.OfferEnded],
)
async def decline_waitlist_offer(call: PatientCall) -> Reply:
    """Let the offered number pass on; the person goes on waiting in their place."""
    offer = await own_offer(call, call.path["offer_id"])
    ended = await service.decline_offer(offer_id=offer.id, actor=call.actor, idempotency=call.idempotency)
    return ok(await _shown_offer(call, ended))


async def _order(call: PatientCall, offer: Offer) -> UUID:
    """Make the order of an offer's fee, or give the one that stands: an offer has one, so it needs no key.

    Raises:
        HoldEnded, HoldNotFound, NothingToPay, PayAtWindow, OrderEnding, SlotNotFound.
    """
    try:
        return (await order_hold(offer.id, actor=call.actor)).id
    except SubjectAlreadyOrdered as standing:
        return UUID(str(standing.details["order_id"]))


def _target(target: Target, language: str) -> dict[str, Any]:
    is_english = language == "en"
    return {
        "target_kind": target.kind,
        "target_id": target.id,
        "practitioner": target.practitioner,
        "department": target.department_en if is_english else target.department_zh,
        "campus": target.campus_en if is_english else target.campus_zh,
        "date": target.clinic_date,
        "period": target.period,
        "starts_at": target.starts_at,
    }


def _entry(entry: Entry, targets: Mapping[UUID, Target], language: str) -> dict[str, Any]:
    return _target(targets[entry.target_id], language) | {
        "id": entry.id,
        "status": entry.status,
        "date_from": entry.date_from,
        "date_until": entry.date_until,
        "periods": entry.periods,
        "position": entry.position,
        "waiting": entry.waiting,
        "offer": entry.offer_id and {"id": entry.offer_id, "until": entry.offer_until},
        "appointment_id": entry.appointment_id,
        "ends_at": entry.ends_at,
    }


async def _shown(entry: Entry, language: str) -> dict[str, Any]:
    return _entry(entry, await showing.read_targets([entry.target_id]), language)


async def _shown_offer(call: PatientCall, offer: Offer) -> dict[str, Any]:
    return render_offer(await showing.show_offer(offer, actor=call.actor), call.language)


def render_offer(shown: ShownOffer, language: str) -> dict[str, Any]:
    """Shape an offer, its places named in one language."""
    is_english, offer = language == "en", shown.offer
    return {
        "id": offer.id,
        "entry_id": offer.entry_id,
        "status": offer.status,
        "until": offer.until,
        "practitioner": shown.practitioner,
        "department": shown.department_en if is_english else shown.department_zh,
        "campus": shown.campus_en if is_english else shown.campus_zh,
        "room": shown.room_en if is_english else shown.room_zh,
        "date": shown.clinic_date,
        "starts_at": offer.starts_at,
        "ends_at": offer.ends_at,
        "queue_number": offer.queue_number,
        "fee_fen": offer.fee_fen,
        "pays_first": shown.pays_first,
        "order_id": shown.order_id,
        "appointment_id": shown.appointment_id,
    }
