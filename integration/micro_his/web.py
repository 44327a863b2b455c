"""The micro-HIS's REST side: pulls for the platform, the window for its clerks, pages for machines."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sanic import Request, Sanic
from sanic.exceptions import MethodNotAllowed, NotFound, PayloadTooLarge, SanicException, URITooLong
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse

from integration.micro_his import errors, outbox, queries, requests, window
from integration.micro_his.billing.faults import Faults
from integration.micro_his.billing.stations import StationsApi
from integration.micro_his.billing.web import BillingApi
from integration.micro_his.sender import Sender
from kernel import clock
from kernel.db import DatabaseUnavailable, database
from kernel.errors import HospitalError
from kernel.log import get_logger
from kernel.metrics import Gauge

BODY_BYTES_MAX: Final = 16 * 1024
HEADER_BYTES_MAX: Final = 8 * 1024
CHANGES_MAX: Final = 200
CONFIRM_SECONDS_MAX: Final = 4.0
"""How long a clerk waits for the platform's word; the number is sold either way, and shown as pending."""
NO_UUID: Final = UUID(int=0)

STATUS: Final = {
    "micro_his.patient_unknown": 404,
    "micro_his.schedule_unknown": 404,
    "micro_his.appointment_unknown": 404,
    "micro_his.not_found": 404,
    "micro_his.seat_taken": 409,
    "micro_his.version_conflict": 409,
    "micro_his.not_for_window": 409,
    "micro_his.window_closed": 409,
    "micro_his.platform_answers": 409,
    "micro_his.sold_out": 409,
    "micro_his.already_booked": 409,
    "micro_his.appointment_not_active": 409,
    "micro_his.refused_by_platform": 409,
    "micro_his.bill_unknown": 404,
    "micro_his.entry_unknown": 404,
    "micro_his.refund_request_unknown": 404,
    "micro_his.admission_unknown": 404,
    "micro_his.bill_not_unpaid": 409,
    "micro_his.bill_changed": 409,
    "micro_his.insurance_unknown": 409,
    "micro_his.amount_differs": 409,
    "micro_his.number_reused": 409,
    "micro_his.number_void": 409,
    "micro_his.already_charged": 409,
    "micro_his.service_done": 409,
    "micro_his.item_not_refundable": 409,
    "micro_his.not_approved": 409,
    "micro_his.already_decided": 409,
    "micro_his.admission_not_open": 409,
    "micro_his.already_admitted": 409,
    "micro_his.nothing_to_return": 409,
    "micro_his.invalid_request": 422,
    "micro_his.not_authenticated": 401,
    "micro_his.too_large": 413,
    "micro_his.internal_error": 500,
    "kernel.database_unavailable": 503,
    "kernel.database_busy": 503,
}

WAITING = Gauge("micro_his_waiting_messages", "Messages that the platform has not answered yet.")
WAITING_SECONDS = Gauge("micro_his_waiting_seconds", "Age of the oldest of them.")
PLATFORM_UP = Gauge("micro_his_platform_up", "1 while the platform answers, 0 while it does not.")

Handler = Callable[..., Coroutine[Any, Any, HTTPResponse]]

log = get_logger("micro_his")


class ProblemErrors(ErrorHandler):
    """Renders every failure as problem details (RFC 9457), with a stable code and no detail of ours."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """Turn any exception into a problem."""
        match exception:
            case HospitalError() if exception.code in STATUS:
                error: HospitalError = exception
            case NotFound() | MethodNotAllowed():
                error = errors.NothingHere()
            case PayloadTooLarge() | URITooLong():
                error = errors.RequestTooLarge()
            case SanicException() if exception.status_code < 500:
                error = errors.InvalidRequest(field="request")
            case _:
                log.error("micro_his_request_failed", path=request.path, exc_info=exception)
                error = errors.Fault()
        return _problem(error)


class MicroHisApi:
    """The routes, for one token and one sender."""

    def __init__(self, *, token: str, charset: str, sender: Callable[[], Sender]) -> None:
        self._token = token.encode()
        self._charset = charset
        self._sender = sender
        self._faults = Faults()

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the routes into the application; all but the pages for machines want the token."""
        app.add_route(self.health, "/health", methods=["GET"], name="health")
        app.add_route(self.ready, "/health/ready", methods=["GET"], name="health_ready")
        app.add_route(self.metrics, "/metrics", methods=["GET"], name="metrics")
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/api/appointments", self.list_appointments),
            ("GET", "/api/appointments/<his_id:str>", self.show_appointment),
            ("GET", "/api/schedules", self.list_schedules),
            ("GET", "/api/schedules/<schedule_id:str>", self.show_schedule),
            ("GET", "/api/changes", self.list_changes),
            ("GET", "/api/patients", self.find_patients),
            ("POST", "/api/window/bookings", self.book),
            ("POST", "/api/window/bookings/<his_id:str>/cancel", self.cancel),
            ("POST", "/api/window/registrations", self.register),
            ("POST", "/api/station/appointments/<his_id:str>/complete", self.complete),
            *BillingApi(charset=self._charset, faults=self._faults).routes(),
            *StationsApi(charset=self._charset, faults=self._faults).routes(),
        ]
        for method, path, handler in routes:
            app.add_route(self._guarded(handler), path, methods=[method], name=handler.__name__)

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request, **arguments: str) -> HTTPResponse:
            kind, _, given = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
                raise errors.NotAuthenticated
            return await handler(request, **arguments)

        return guarded

    # --- pages for machines

    async def health(self, _request: Request) -> HTTPResponse:
        """Say that the process serves."""
        return _json({"status": "ok"})

    async def ready(self, _request: Request) -> HTTPResponse:
        """Say whether requests can be served: PostgreSQL answers."""
        await database().fetchval("SELECT 1")
        return _json({"status": "ready"})

    async def metrics(self, _request: Request) -> HTTPResponse:
        """Give this process's metrics (Prometheus text format)."""
        waiting, oldest = await outbox.count_waiting(database())
        WAITING.set(waiting)
        WAITING_SECONDS.set(max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0)
        PLATFORM_UP.set(int(self._sender().is_connected))
        return HTTPResponse(generate_latest(), 200, content_type=CONTENT_TYPE_LATEST)

    # --- pulls

    async def list_appointments(self, request: Request) -> HTTPResponse:
        """A clinic day's appointments (`date`, `cursor`), or the one of a `platform_id`."""
        if request.args.get("platform_id"):
            found = await queries.find_appointment(
                database(),
                platform_id=requests.uuid_of({"platform_id": request.args.get("platform_id")}, "platform_id"),
            )
            return _json({"appointments": [found] if found else [], "next_cursor": None})
        day = requests.day_of(request.args.get("date"))
        after = requests.cursor_of(request.args.get("cursor"))
        found_day, cursor = await queries.list_appointments(database(), day, after=after)
        return _json({"appointments": found_day, "next_cursor": str(cursor) if cursor else None})

    async def show_appointment(self, _request: Request, his_id: str) -> HTTPResponse:
        """One appointment by our number."""
        return _json(await _require_appointment(requests.his_id_of(his_id)))

    async def list_schedules(self, request: Request) -> HTTPResponse:
        """A clinic day's schedules (`date`, `cursor`)."""
        day = requests.day_of(request.args.get("date"))
        given = request.args.get("cursor")
        after = requests.uuid_of({"cursor": given}, "cursor") if given else NO_UUID
        found, cursor = await queries.list_schedules(database(), day, after=after)
        return _json({"schedules": found, "next_cursor": str(cursor) if cursor else None})

    async def show_schedule(self, _request: Request, schedule_id: str) -> HTTPResponse:
        """One schedule with the window's numbers in it."""
        found = await queries.show_schedule(database(), requests.uuid_of({"schedule_id": schedule_id}, "schedule_id"))
        if found is None:
            raise errors.ScheduleUnknown
        return _json(found)

    async def list_changes(self, request: Request) -> HTTPResponse:
        """What we have told since `after`, as it was told."""
        after = requests.cursor_of(request.args.get("after"), "after")
        limit = min(requests.cursor_of(request.args.get("limit"), "limit") or CHANGES_MAX, CHANGES_MAX)
        rows = await outbox.read_feed(database(), after=after, limit=limit)
        return _json(
            {
                "changes": [
                    {
                        "seq": row["seq"],
                        "control_id": str(row["control_id"]),
                        "at": row["created_at"].isoformat(),
                        "message": row["body"],
                    }
                    for row in rows
                ]
            }
        )

    async def find_patients(self, request: Request) -> HTTPResponse:
        """Charts by `mr`, `document_number` or `platform_id`."""
        given = {name: request.args.get(name) for name in ("mr", "document_number", "platform_id")}
        if not any(given.values()):
            raise errors.InvalidRequest(field="mr")
        found = await queries.find_patients(
            database(),
            mr=requests.optional_text(given, "mr"),
            document_number=requests.optional_text(given, "document_number"),
            platform_id=requests.uuid_of(given, "platform_id") if given["platform_id"] else None,
        )
        return _json({"patients": found})

    # --- the window

    async def book(self, request: Request) -> HTTPResponse:
        """Sell a number of the window's, and wait a little for the platform's word."""
        known = frozenset({"schedule_id", "seq", "patient", "clerk", "request_id", "platform_is_down"})
        body = requests.read_object(request.body, known=known)
        # The line may answer while the platform's desk does not: the clerk sees that, and may say so.
        is_away = requests.flag_of(body, "platform_is_down") or await self._sender().is_platform_away()
        sale = await window.book_number(
            database(),
            schedule_id=requests.uuid_of(body, "schedule_id"),
            sequence=requests.sequence_of(body, "seq"),
            patient=requests.patient_of(body.get("patient")),
            clerk=requests.text_of(body, "clerk"),
            request_id=requests.optional_text(body, "request_id"),
            platform_is_away=is_away,
            charset=self._charset,
        )
        if not is_away:
            await self._await_platform(sale)
        shown = await _require_appointment(sale.his_id)
        if shown["platform_state"] == "refused":
            raise errors.RefusedByPlatform(his_id=sale.his_id, refusal=shown["refusal"])
        return _json(shown, status=201 if sale.is_new else 200)

    async def cancel(self, request: Request, his_id: str) -> HTTPResponse:
        """Take a number back."""
        body = requests.read_object(request.body, known=frozenset({"clerk", "reason"}))
        sale = await window.cancel_number(
            database(),
            his_id=requests.his_id_of(his_id),
            clerk=requests.text_of(body, "clerk"),
            reason=requests.optional_text(body, "reason"),
            charset=self._charset,
        )
        return _json(await _require_appointment(sale.his_id))

    async def register(self, request: Request) -> HTTPResponse:
        """Register who has come: for an appointment (`his_id`), or without one (`patient`, `clinic_code`)."""
        known = frozenset({"his_id", "patient", "clinic_code", "practitioner_code", "clerk"})
        body = requests.read_object(request.body, known=known)
        clerk = requests.text_of(body, "clerk")
        if body.get("his_id") is not None:
            his_id = requests.his_id_of(body["his_id"])
            number = await window.register_arrival(database(), his_id=his_id, clerk=clerk, charset=self._charset)
            return _json({"visit_number": number, "appointment": await _require_appointment(his_id)}, status=201)
        number = await window.register_walk_in(
            database(),
            patient=requests.patient_of(body.get("patient")),
            clinic_code=requests.text_of(body, "clinic_code"),
            practitioner_code=requests.optional_text(body, "practitioner_code") or "",
            clerk=clerk,
            charset=self._charset,
        )
        return _json({"visit_number": number, "appointment": None}, status=201)

    async def complete(self, request: Request, his_id: str) -> HTTPResponse:
        """Note that the doctor has seen the person."""
        body = requests.read_object(request.body, known=frozenset({"clerk"}))
        sale = await window.complete_visit(
            database(),
            his_id=requests.his_id_of(his_id),
            clerk=requests.text_of(body, "clerk"),
            charset=self._charset,
        )
        return _json(await _require_appointment(sale.his_id))

    async def _await_platform(self, sale: window.Sale) -> None:
        if sale.control_id is not None:
            await self._sender().await_outcome(sale.control_id, seconds=CONFIRM_SECONDS_MAX)


async def _require_appointment(his_id: str) -> dict[str, Any]:
    found = await queries.find_appointment(database(), his_id=his_id)
    if found is None:
        raise errors.AppointmentUnknown
    return found


def _json(body: object, *, status: int = 200) -> HTTPResponse:
    return HTTPResponse(orjson.dumps(body), status, content_type="application/json")


def _problem(error: HospitalError) -> HTTPResponse:
    status = STATUS[error.code]
    body = {"type": "about:blank", "status": status, "code": error.code.rpartition(".")[2], "detail": error.zh}
    headers = {"www-authenticate": 'Bearer realm="micro-his"'} if status == 401 else {}
    if isinstance(error, DatabaseUnavailable):
        headers["retry-after"] = "1"
    return HTTPResponse(orjson.dumps(body | error.details), status, headers, "application/problem+json")
