"""Things that a path or a body names, read for the person of the path: what is of anybody else is absent.

An account sees whatever concerns its members, whoever made it, so features do not ask again: a handler that is given an
id reads it by one of these, and goes on with what it gives.
"""

from typing import Any
from uuid import UUID

from booking import errors as booking_errors
from booking import queries as booking_queries
from booking.facts import Appointment, Hold
from booking.fairness import bans
from booking.fairness.errors import BanNotFound
from booking.queue import errors as queue_errors
from booking.queue import queries as queue_queries
from booking.queue.facts import Entry as QueueEntry
from booking.rush import errors as rush_errors
from booking.rush.facts import Ticket
from booking.rush.tickets import read_ticket
from booking.waitlist import errors as waitlist_errors
from booking.waitlist import queries as waitlist_queries
from booking.waitlist.facts import Entry as WaitlistEntry
from booking.waitlist.facts import Offer
from kernel.db import database
from kernel.errors import HospitalError
from patient_app.calls import PatientCall
from payments import errors as payment_errors
from payments import orders, refunds, relatives
from payments import queries as payment_queries
from payments.attempts import Attempt
from payments.orders import Order
from payments.refunds import Refund
from payments.relatives import KnownCode


async def own_appointment(call: PatientCall, appointment_id: UUID) -> Appointment:
    """Give an appointment of the path's person.

    Raises:
        AppointmentNotFound, DatabaseUnavailable.
    """
    found = await booking_queries.get_appointment(appointment_id, actor=call.actor)
    _require(call, found.patient_id, booking_errors.AppointmentNotFound)
    return found


async def own_hold(call: PatientCall, hold_id: UUID) -> Hold:
    """Give a hold of the path's person.

    Raises:
        HoldNotFound, DatabaseUnavailable.
    """
    found = await booking_queries.get_hold(hold_id, actor=call.actor)
    _require(call, found.patient_id, booking_errors.HoldNotFound)
    return found


async def own_waitlist_entry(call: PatientCall, entry_id: UUID) -> WaitlistEntry:
    """Give a place on the waitlist of the path's person.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    found = await waitlist_queries.get_entry(entry_id, actor=call.actor)
    _require(call, found.patient_id, waitlist_errors.EntryNotFound)
    return found


async def own_offer(call: PatientCall, offer_id: UUID) -> Offer:
    """Give what the waitlist offers to the path's person.

    Raises:
        OfferNotFound, DatabaseUnavailable.
    """
    found = await waitlist_queries.get_offer(offer_id, actor=call.actor)
    _require(call, found.patient_id, waitlist_errors.OfferNotFound)
    return found


async def own_queue_entry(call: PatientCall, entry_id: UUID) -> QueueEntry:
    """Give a place in a queue of the path's person.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    found = await queue_queries.get_entry(entry_id, actor=call.actor)
    _require(call, found.patient_id, queue_errors.EntryNotFound)
    return found


async def own_ticket(call: PatientCall, ticket_id: UUID) -> Ticket:
    """Give a ticket before a release of the path's person.

    Raises:
        TicketNotFound, DatabaseUnavailable.
    """
    found = await read_ticket(database(), ticket_id)
    if found is None:
        raise rush_errors.TicketNotFound
    _require(call, found.patient_id, rush_errors.TicketNotFound)
    return found


async def own_ban(call: PatientCall, ban_id: UUID) -> dict[str, Any]:
    """Give a ban of the path's person.

    Raises:
        BanNotFound, DatabaseUnavailable.
    """
    found = await bans.get_ban(ban_id, actor=call.actor)
    _require(call, found["patient_id"], BanNotFound)
    return found


async def own_order(call: PatientCall, order_id: UUID) -> Order:
    """Give an order of the path's person.

    Raises:
        OrderNotFound, DatabaseUnavailable.
    """
    found = await orders.read_order(database(), order_id, call.actor)
    _require(call, found.patient_id, payment_errors.OrderNotFound)
    return found


async def own_attempt(call: PatientCall, attempt_id: UUID) -> Attempt:
    """Give a try to pay an order of the path's person.

    Raises:
        AttemptNotFound, DatabaseUnavailable.
    """
    found, patient_id = await payment_queries.read_attempt(database(), attempt_id, call.actor)
    _require(call, patient_id, payment_errors.AttemptNotFound)
    return found


async def own_refund(call: PatientCall, refund_id: UUID) -> Refund:
    """Give a refund of an order of the path's person.

    Raises:
        RefundNotFound, DatabaseUnavailable.
    """
    found = await refunds.read_refund(database(), refund_id, call.actor)
    order = await orders.read_order(database(), found.order_id, call.actor)
    _require(call, order.patient_id, payment_errors.RefundNotFound)
    return found


async def own_pay_code(call: PatientCall, pay_code_id: UUID) -> KnownCode:
    """Give a relative's code for an order of the path's person.

    Raises:
        PayCodeNotFound, DatabaseUnavailable.
    """
    found = await relatives.read_code(database(), pay_code_id)
    order = await orders.read_order(database(), found.order_id, call.actor)
    _require(call, order.patient_id, payment_errors.PayCodeNotFound)
    return found


def _require(call: PatientCall, patient_id: UUID, absent: type[HospitalError]) -> None:
    if patient_id != call.patient_id:
        raise absent
