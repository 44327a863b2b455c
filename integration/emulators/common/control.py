"""The control surface below /sandbox: what a test or a demonstration does to an emulator, never the platform itself."""

import hmac
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlNotAuthenticated, ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.notifier import Notifier

SHOWN_USUALLY: Final = 50

Handler = Callable[..., Coroutine[Any, Any, HTTPResponse]]


class Control:
    """The control calls that every emulator has: clock, faults, notifications."""

    def __init__(self, *, token: str, clock: EmulatorClock, faults: Faults, notifier: Notifier | None) -> None:
        self._token = token.encode()
        self._clock = clock
        self._faults = faults
        self._notifier = notifier

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the common control routes into the application."""
        self.add(app, "GET", "/state", self.show_state)
        self.add(app, "POST", "/clock", self.advance_clock)
        self.add(app, "PUT", "/faults/<name:str>", self.set_fault)
        self.add(app, "DELETE", "/faults/<name:str>", self.clear_fault)
        self.add(app, "DELETE", "/faults", self.clear_faults)
        if self._notifier is not None:
            self.add(app, "GET", "/notifications", self.list_notifications)
            self.add(app, "POST", "/notifications/<notification_id:str>/send", self.send_again)

    def add(self, app: Sanic[Any, Any], method: str, path: str, handler: Handler) -> None:
        """Put one control route below /sandbox; it wants the token."""

        async def guarded(request: Request, **arguments: str) -> HTTPResponse:
            kind, _, given = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
                raise ControlNotAuthenticated
            return await handler(request, **arguments)

        app.add_route(guarded, f"/sandbox{path}", methods=[method], name=f"sandbox_{handler.__name__}")

    async def show_state(self, _request: Request) -> HTTPResponse:
        """Show the clock and the faults."""
        return reply(
            {
                "now": self._clock.now().isoformat(),
                "lead_seconds": int(self._clock.lead.total_seconds()),
                "faults": self._faults.list_all(),
            }
        )

    async def advance_clock(self, request: Request) -> HTTPResponse:
        """Move the clock ahead: `advance_seconds`."""
        seconds = whole_number(read_object(request.body), "advance_seconds")
        # Beyond this a timedelta cannot hold it; the clock has a closer bound of its own.
        if abs(seconds) > 10**9:
            raise ControlRefused("advance_seconds is too far")
        self._clock.advance(timedelta(seconds=seconds))
        if self._notifier is not None:
            self._notifier.wake()
        return await self.show_state(request)

    async def set_fault(self, request: Request, name: str) -> HTTPResponse:
        """Switch a fault on: `times` (null: until cleared) and its `parameters`."""
        body = read_object(request.body)
        times = None if body.get("times") is None else whole_number(body, "times")
        parameters = body.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise ControlRefused("parameters is an object")
        self._faults.set(name, times=times, parameters=parameters)
        return await self.show_state(request)

    async def clear_fault(self, request: Request, name: str) -> HTTPResponse:
        """Switch a fault off."""
        self._faults.clear(name)
        return await self.show_state(request)

    async def clear_faults(self, request: Request) -> HTTPResponse:
        """Switch every fault off."""
        self._faults.clear_all()
        return await self.show_state(request)

    async def list_notifications(self, _request: Request) -> HTTPResponse:
        """Show the latest notifications and what became of them."""
        assert self._notifier is not None, "the route is there only with a notifier"
        return reply({"notifications": self._notifier.list_latest(SHOWN_USUALLY)})

    async def send_again(self, _request: Request, notification_id: str) -> HTTPResponse:
        """Have a notification sent once more."""
        assert self._notifier is not None, "the route is there only with a notifier"
        if not self._notifier.send_again(notification_id):
            raise ControlRefused("no notification of that id")
        return reply({"id": notification_id})


def reply(body: object, *, status: int = 200) -> HTTPResponse:
    """Answer a control call."""
    return HTTPResponse(orjson.dumps(body), status, content_type="application/json")


def read_object(body: bytes) -> dict[str, Any]:
    """Read a control call's JSON object; an empty body is an empty object.

    Raises:
        ControlRefused: not one.
    """
    try:
        found = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ControlRefused("the body is a JSON object") from error
    if not isinstance(found, dict):
        raise ControlRefused("the body is a JSON object")
    return found


def whole_number(body: dict[str, Any], name: str) -> int:
    """Read a whole number. Raises: ControlRefused."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ControlRefused(f"{name} is a whole number")
    return value


def text(body: dict[str, Any], name: str, *, characters_max: int = 200) -> str:
    """Read a text that is not empty. Raises: ControlRefused."""
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= characters_max:
        raise ControlRefused(f"{name} is a text of 1 to {characters_max} characters")
    return value


def optional_text(body: dict[str, Any], name: str) -> str | None:
    """Read a text that may be absent. Raises: ControlRefused."""
    return None if body.get(name) is None else text(body, name)
