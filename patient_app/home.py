"""The first screen of a member: what comes next, and what waits for them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from booking import coming, visits
from booking.visit_options import find_options
from booking.visits import Visit
from kernel import clock
from kernel.db import database
from notifications.inbox import count_unread, list_messages
from open_api.calls import Reply, ok
from patient_app import visit_answers
from patient_app.calls import PatientCall
from patient_app.messages import render_message, text_language
from patient_app.routing import MEMBER, Routes
from patient_app.shown_orders import title_of
from payments.queries import OrderFilter, list_orders

routes = Routes("home")

ORDERS_MAX: Final = 10
NOTICES_MAX: Final = 3
CALLS_MAX: Final = 6
"""Of a visit: nearly, called, passed over; twice, as may be."""


@routes.get(f"{MEMBER}/home", response="app/home.json")
async def get_home(call: PatientCall) -> Reply:
    """Read a member's next visit, what has to be answered or paid, the most urgent first, and the newest messages."""
    upcoming = await visits.list_upcoming(call.patient_id, channel=call.channel)
    open_orders = await visits.read_open_orders(upcoming[:1])
    now = clock.now()
    todos = [*_stopped(upcoming, call.language), *await _offers(call), *await _orders(call)]
    todos.sort(key=lambda one: one["until"])
    nearest = upcoming[0] if upcoming else None
    shown = nearest and visit_answers.brief(
        nearest, find_options(nearest, at=now), open_orders.get(nearest.id), call.language
    )
    notices = await _notices(call, {str(one["id"]) for one in todos})
    unread = await count_unread(call.account_id)
    return ok({"next_visit": shown, "todos": todos, "notices": notices, "unread": unread})


def _stopped(upcoming: Sequence[Visit], language: str) -> list[dict[str, Any]]:
    """List visits of stopped clinics whose person may choose another time."""
    now = clock.now()
    found = [(visit, find_options(visit, at=now).answer_stop) for visit in upcoming]
    return [
        _todo("stopped", visit.id, until=option.until, title=visit_answers.named(visit.department, language))
        for visit, option in found
        if option.is_open
    ]


async def _offers(call: PatientCall) -> list[dict[str, Any]]:
    offers = await coming.open_offers(call.patient_id)
    return [_todo("waitlist_offer", one.offer_id, until=one.until) for one in offers]


async def _orders(call: PatientCall) -> list[dict[str, Any]]:
    due = OrderFilter(patient_id=call.patient_id, status="open")
    orders = await list_orders(database(), due, actor=call.actor, before=None, limit=ORDERS_MAX)
    now = clock.now()
    return [
        _todo("payment", one.id, until=one.expires_at, title=title_of(one, call.language), amount_fen=one.amount_fen)
        for one in orders
        if one.expires_at > now
    ]


async def _notices(call: PatientCall, todo_ids: Collection[str]) -> list[dict[str, Any]]:
    """List the newest messages that nobody has read, of all the account's people.

    What is to be done stands above, and nobody is called in whom the doctor has seen.
    """
    limit = NOTICES_MAX + len(todo_ids) + CALLS_MAX
    found = await list_messages(call.account_id, language=text_language(call), before=None, limit=limit, is_unread=True)
    calls = [UUID(one.subject_id) for one in found if one.group == "queue"]
    ended = await coming.waits_ended(calls) if calls else ()
    over = {str(one) for one in ended}
    shown = [
        one for one in found if one.subject_id not in todo_ids and not (one.group == "queue" and one.subject_id in over)
    ]
    return [render_message(one) for one in shown[:NOTICES_MAX]]


def _todo(
    kind: str, subject_id: UUID, *, until: datetime | None, title: str | None = None, amount_fen: int | None = None
) -> dict[str, Any]:
    return {"kind": kind, "id": subject_id, "title": title, "amount_fen": amount_fen, "until": until}
