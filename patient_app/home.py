"""The first screen of a member: what comes next, and what waits for them."""

from typing import Any, Final

from booking import coming
from booking.coming import ComingVisit
from kernel import clock
from kernel.db import database
from kernel.ids import format_appointment_number
from open_api.calls import Reply, ok
from patient_app.calls import PatientCall
from patient_app.routing import MEMBER, Routes
from payments.queries import OrderFilter, list_orders

routes = Routes("home")

ORDERS_MAX: Final = 10


@routes.get(f"{MEMBER}/home", response="app/home.json")
async def get_home(call: PatientCall) -> Reply:
    """Read a member's next visit, and what has to be answered or paid, the most urgent first."""
    visit = await coming.next_visit(call.patient_id)
    offers = await coming.open_offers(call.patient_id)
    due = OrderFilter(patient_id=call.patient_id, status="open")
    orders = await list_orders(database(), due, actor=call.actor, before=None, limit=ORDERS_MAX)
    now = clock.now()
    todos: list[dict[str, Any]] = [
        {"kind": "waitlist_offer", "id": one.offer_id, "title": None, "amount_fen": None, "until": one.until}
        for one in offers
    ]
    todos += [
        {"kind": "payment", "id": one.id, "title": one.title, "amount_fen": one.amount_fen, "until": one.expires_at}
        for one in orders
        if one.expires_at > now
    ]
    todos.sort(key=lambda one: one["until"])
    return ok({"next_visit": visit and render_coming(visit, call.language), "todos": todos})


def render_coming(visit: ComingVisit, language: str) -> dict[str, Any]:
    """Shape a coming visit, its places named in one language."""
    is_english = language == "en"
    return {
        "appointment_id": visit.id,
        "number": format_appointment_number(visit.number),
        "status": visit.status,
        "payment": visit.payment,
        "fee_fen": visit.fee_fen,
        "date": visit.clinic_date,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "queue_number": visit.queue_number,
        "practitioner": visit.practitioner,
        "department": visit.department_en if is_english else visit.department_zh,
        "campus": visit.campus_en if is_english else visit.campus_zh,
        "room": visit.room_en if is_english else visit.room_zh,
    }
