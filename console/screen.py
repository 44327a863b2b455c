"""The waiting-room screen (候诊屏): one page at a room's door, and the events that keep it up to date.

It needs no account, for it shows no more than what is called out: numbers and masked names.
"""

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from booking.queue import live
from booking.queue.errors import RoomNotFound, TooManyWatchers
from booking.queue.facts import Person, QueueState
from booking.queue.states import CALLED, IN_CONSULTATION, PASSED
from kernel import clock, event_stream
from kernel.db import DatabaseUnavailable, database
from kernel.errors import HospitalError
from kernel.log import get_logger

FOLDER: Final = Path(__file__).resolve().parent / "screen"
NEXT_SHOWN_MAX: Final = 5
ROOM_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_STATUS: Final[dict[type[HospitalError], int]] = {RoomNotFound: 404, TooManyWatchers: 503, DatabaseUnavailable: 503}
_SAFE: Final = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}

log = get_logger("console")


def mount_screen(app: Sanic[Any, Any]) -> None:
    """Put the page and its events into the application; the page is made once, at start-up."""
    page = _Page()
    app.add_route(page.show, "/queue/<room_code:str>", methods=["GET"], name="waiting_room_screen")
    app.add_route(watch_room, "/queue/<room_code:str>/events", methods=["GET"], name="waiting_room_events")


class _Page:
    """The page with its own style and script inside, and the policy that allows these and no others."""

    def __init__(self) -> None:
        style, script, body = (
            (FOLDER / name).read_text(encoding="utf-8") for name in ("screen.css", "screen.js", "screen.html")
        )
        self._before, self._after = body.replace("{{style}}", style).replace("{{script}}", script).split("{{code}}")
        policy = (
            f"default-src 'none'; style-src {_hash_source(style)}; script-src {_hash_source(script)};"
            " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._headers = {"content-security-policy": policy, "cache-control": "no-cache"} | _SAFE

    async def show(self, _request: Request, room_code: str) -> HTTPResponse:
        """Show the screen of a room; one that does not exist is said so."""
        try:
            await _room_of(room_code)
        except HospitalError as error:
            return _refusal(error)
        page = f"{self._before}{escape(room_code, quote=True)}{self._after}"
        return HTTPResponse(page, 200, self._headers, "text/html; charset=utf-8")


async def watch_room(request: Request, room_code: str) -> HTTPResponse:
    """Tell a screen of every change before its door (server-sent events)."""
    try:
        room = await _room_of(room_code)
        watcher = await live.hub().watch_room(room.id, render=room.render)
    except HospitalError as error:
        return _refusal(error)
    try:
        response: HTTPResponse | None = await request.respond(
            content_type=event_stream.CONTENT_TYPE, headers=event_stream.HEADERS | _SAFE
        )
        assert response is not None, "nobody has answered this request yet"
        try:
            await event_stream.feed(response.send, watcher)
        except TimeoutError:
            log.info("screen_cut", room=room_code)
            _cut(request)
        return response
    finally:
        watcher.close()


def _cut(request: Request) -> None:
    """Drop a reader who takes nothing, with what still waits to be sent."""
    transport: Any = request.transport  # every server's has it, though the declared type does not
    if transport is not None:
        transport.abort()


class _Room:
    """A room as its screen names it."""

    def __init__(self, room_id: UUID, named: dict[str, Any], scheduled: list[dict[str, Any]]) -> None:
        self.id = room_id
        self._named = named
        # Who is shown before anybody has come: those who have a clinic here today.
        self._scheduled = scheduled

    def render(self, states: list[QueueState]) -> dict[str, Any]:
        """Shape what the screen shows, all queues of the room together."""
        others = [person for state in states for person in state.others]
        waiting = sorted(
            (person for state in states for person in state.waiting), key=lambda one: (one.order_seconds, one.ticket)
        )
        present = [
            {
                "name": state.place.practitioner_name,
                "title_zh": state.place.title_zh,
                "title_en": state.place.title_en,
            }
            for state in states
        ]
        return self._named | {
            "practitioners": present or self._scheduled,
            "called": _shown(others, CALLED),
            "seen": _shown(others, IN_CONSULTATION),
            "next": [{"label": one.label, "name": one.masked_name} for one in waiting[:NEXT_SHOWN_MAX]],
            "passed": _shown(others, PASSED)[:NEXT_SHOWN_MAX],
            "waiting": len(waiting),
        }


def _shown(people: list[Person], status: str) -> list[dict[str, str]]:
    return [{"label": one.label, "name": one.masked_name} for one in people if one.status == status]


async def _room_of(room_code: str) -> _Room:
    """Find a room by what stands in its screen's address.

    Raises:
        RoomNotFound, DatabaseUnavailable.
    """
    if not ROOM_CODE.fullmatch(room_code):
        raise RoomNotFound
    row = await database().fetchrow(
        "SELECT r.id, r.code, r.name_zh, r.name_en, r.floor, c.name_zh AS clinic_zh, c.name_en AS clinic_en"
        " FROM room r JOIN clinic c ON c.id = r.clinic_id WHERE r.code = $1 AND r.active",
        room_code,
    )
    if row is None:
        raise RoomNotFound
    scheduled = await database().fetch(
        "SELECT p.name, t.name_zh AS title_zh, t.name_en AS title_en FROM schedule s"
        " JOIN practitioner p ON p.id = s.practitioner_id JOIN title t ON t.code = p.title"
        " WHERE s.room_id = $1 AND s.clinic_date = $2 AND s.status = 'active' AND s.ends_at > $3"
        " ORDER BY s.starts_at LIMIT 1",
        row["id"],
        clock.today(),
        clock.now(),
    )
    return _Room(
        row["id"],
        {
            "room": {name: row[name] for name in ("code", "name_zh", "name_en", "floor")},
            "clinic": {"name_zh": row["clinic_zh"], "name_en": row["clinic_en"]},
        },
        [dict(one) for one in scheduled],
    )


def _refusal(error: HospitalError) -> HTTPResponse:
    """Say in both languages what is wrong; whoever stands before the screen is no program."""
    status = _STATUS.get(type(error), 500)
    headers = dict(_SAFE) | ({"retry-after": "2"} if status == 503 else {})
    return HTTPResponse(f"{error.zh}\n{error.en}\n", status, headers, "text/plain; charset=utf-8")


def _hash_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
