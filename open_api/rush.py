"""The waiting room at release time: joining it, one's place, and the draw that anybody can check."""

from typing import Any, Final

from booking import errors as booking_errors
from booking.rush import errors, tickets
from booking.rush.facts import View
from booking.rush.lines import lines
from kernel import clock
from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import read_cursor, write_cursor
from open_api.routing import PREFIX, Routes

routes: Final = Routes("rush")
DRAWN_DEFAULT: Final = 1_000
_DRAW: Final = "rush.draw"
_WRITE_ERRORS: Final = (IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable)


@routes.get(
    "/schedules/<schedule_id:uuid>/rush",
    scope="slots.read",
    response="rush/room.json",
    errors=[errors.RushNotFound, DatabaseUnavailable],
)
async def read_room(call: PartnerCall) -> Reply:
    """Tell whether there is a waiting room before a schedule at its release, and from when on patients may join."""
    return ok((await tickets.read_room(schedule_id=call.path["schedule_id"], actor=call.actor))._asdict())


@routes.post(
    "/rush-tickets",
    scope="appointments.write",
    request="rush/ticket_request.json",
    response="rush/ticket.json",
    errors=[
        errors.RushNotFound,
        errors.NotNeeded,
        errors.NotOpen,
        errors.DeviceRequired,
        errors.LimitReached,
        errors.JoinedElsewhere,
        errors.RushFull,
        errors.TooManyJoins,
        booking_errors.PatientUnknown,
        booking_errors.PatientBanned,
        booking_errors.PatientNotEligible,
        booking_errors.SoldOut,
        *_WRITE_ERRORS,
    ],
    status=201,
)
async def join_rush(call: PartnerCall) -> Reply:
    """Join the waiting room with a patient. Asked again, whenever and from wherever, it is the same ticket."""
    ticket = await tickets.join_rush(
        schedule_id=parse_id(call.body["schedule_id"]),
        patient_id=parse_id(call.body["patient_id"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    reply = _reply(await lines().show(ticket), call.language)
    reply.status = 201
    reply.headers["location"] = f"{PREFIX}/rush-tickets/{ticket.id}"
    return reply


@routes.get(
    "/rush-tickets/<ticket_id:uuid>",
    scope="appointments.read",
    response="rush/ticket.json",
    errors=[errors.TicketNotFound, DatabaseBusy, DatabaseUnavailable],
)
async def read_ticket(call: PartnerCall) -> Reply:
    """Read a place; it also says that the patient is there. Ask again when `Retry-After` says so."""
    return _reply(await lines().look(call.path["ticket_id"], actor=call.actor), call.language)


@routes.post(
    "/rush-tickets/<ticket_id:uuid>/withdraw",
    scope="appointments.write",
    response="rush/ticket.json",
    errors=[errors.TicketNotFound, errors.TicketEnded, *_WRITE_ERRORS],
)
async def withdraw_ticket(call: PartnerCall) -> Reply:
    """Give the place up; an open turn passes on at once. Until the draw the patient may join again."""
    ticket = await tickets.withdraw_ticket(
        ticket_id=call.path["ticket_id"], actor=call.actor, idempotency=call.idempotency
    )
    return _reply(await lines().show(ticket), call.language)


@routes.get(
    "/rushes/<rush_id:uuid>/draw",
    scope="slots.read",
    query="rush/draw_query.json",
    response="rush/draw.json",
    errors=[errors.RushNotFound, InvalidCursor, DatabaseUnavailable],
)
async def read_draw(call: PartnerCall) -> Reply:
    """Read what a draw was made of: commitment, seed, and every ticket's id and place."""
    limit = call.query.get("limit", DRAWN_DEFAULT)
    after = int(read_cursor(_DRAW, call.query["cursor"])[0]) if "cursor" in call.query else 0
    draw = await tickets.read_draw(rush_id=call.path["rush_id"], after=after, limit=limit)
    last = draw.items[-1][1] if draw.items else draw.drawn
    return ok(
        draw._asdict()
        | {
            "items": [{"id": id_, "place": place, "is_behind": is_behind} for id_, place, is_behind in draw.items],
            "next": write_cursor(_DRAW, last) if last < draw.drawn else None,
        }
    )


def _reply(view: View, language: str) -> Reply:
    return Reply(render_ticket(view, language), headers={"retry-after": str(view.ask_again_seconds)})


def render_ticket(view: View, language: str) -> dict[str, Any]:
    """Shape a place for the wire."""
    ticket = view.ticket
    is_turn = view.status == "turn" and ticket.turn_until is not None
    looks_elsewhere = view.outlook == "unlikely" or view.status in ("passed", "over")
    nearest = f"{PREFIX}/schedules/nearest?department_id={view.department_id}"
    return {
        "id": ticket.id,
        "rush_id": ticket.rush_id,
        "schedule_id": ticket.schedule_id,
        "patient_id": ticket.patient_id,
        "status": view.status,
        "opens_at": ticket.opens_at,
        "closes_at": view.closes_at,
        "joined_at": ticket.joined_at,
        "commitment": view.commitment,
        "joined": view.joined,
        "place": ticket.place,
        "is_behind": ticket.is_behind,
        "before": view.before,
        "seats_left": view.seats_left,
        "open_turns": view.open_turns,
        "outlook": view.outlook,
        "estimate": view.estimate._asdict() if view.estimate else None,
        "turn_until": ticket.turn_until,
        "seconds_left": max(int((ticket.turn_until - clock.now()).total_seconds()), 0)
        if is_turn and ticket.turn_until
        else None,
        "ask_again_seconds": view.ask_again_seconds,
        "message": _message(view, language),
        "alternatives": [nearest, f"{PREFIX}/waitlist"] if looks_elsewhere else [],
    }


_SENTENCES_ZH: Final = {
    "turn": "轮到您了，请尽快预约，超时将让给下一位。",
    "used": "您已取到号。",
    "passed": "您的顺位已过。可候补或选择其他医生。",
    "withdrawn": "您已退出排队。",
    "over": "号源已放完或排队已结束。可候补或选择其他医生。",
    "drawing": "已加入。放号时刻抽签排序，此前何时加入机会都相同。已有 {joined} 人，共 {seats_left} 个号。",
    "likely": "前面还有 {before} 人，剩余 {seats_left} 个号。",
    "possible": "前面还有 {before} 人，剩余 {seats_left} 个号，不一定有号。",
    "unlikely": "前面还有 {before} 人，剩余 {seats_left} 个号，很可能没有号了。建议候补或选择其他医生。",
}
_SENTENCES_EN: Final = {
    "turn": "It is your turn. Please book now, before the turn passes on.",
    "used": "You have your number.",
    "passed": "Your turn has passed. You may join the waitlist, or choose another doctor.",
    "withdrawn": "You have left the waiting room.",
    "over": "The numbers are gone, or the waiting room has closed. The waitlist or another doctor may help.",
    "drawing": "You have joined: {joined} people, {seats_left} numbers. Places are drawn at the release, fairly.",
    "likely": "{before} people before you, {seats_left} numbers left.",
    "possible": "{before} people before you, {seats_left} numbers left: there may be none at your turn.",
    "unlikely": "{before} people before you, {seats_left} numbers left: probably none for you. Consider the waitlist.",
}


def _message(view: View, language: str) -> str:
    kind = view.status
    if kind == "waiting":
        kind = "drawing" if view.before is None else str(view.outlook)
    sentences = _SENTENCES_EN if language == "en" else _SENTENCES_ZH
    return sentences[kind].format(before=view.before, seats_left=view.seats_left, joined=view.joined)
