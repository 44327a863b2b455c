"""The books of past days: how they closed, what differs, what was done about it, and the workbook for finance."""

import asyncio
from base64 import b64encode
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from kernel.db import DatabaseUnavailable, database
from kernel.ids import parse_id
from open_api.administration.entries import WRITE_ERRORS, after, shown_page
from open_api.administration.finance import READ, WRITE
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Handling, Routes
from payments.books import errors, requests
from payments.books.closings import Closing, get_closing, list_closings, list_totals
from payments.books.differences import PAGE_MAX, Difference, list_differences, read_difference, settle_difference
from payments.books.late import list_late_entries
from payments.books.workbook import write_workbook

routes: Final = Routes("administration: books", staff_only=True, operation_class="sensitive")
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EVERY_STATUS: Final = ("open", "explained", "resolved", "vanished")
WORKBOOK_DIFFERENCES_MAX: Final = 20_000
_BASE: Final = "/administration/finance"
_BOOKS: Final = "finance.books"
_DIFFERENCES: Final = "finance.differences"


@routes.get(
    f"{_BASE}/books",
    scope=READ,
    query="finance/page_query.json",
    response="finance/closing_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_books(call: PartnerCall) -> Reply:
    """List the books of past days, the latest first."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    last = after(_BOOKS, call.query)
    found = await list_closings(database(), before=date.fromisoformat(last) if last else None, limit=limit + 1)
    return shown_page(_BOOKS, [_closing(one) for one in found], limit, "day")


@routes.get(
    f"{_BASE}/books/<day:ymd>",
    scope=READ,
    response="finance/books.json",
    errors=[errors.ClosingNotFound, DatabaseUnavailable],
)
async def get_books(call: PartnerCall) -> Reply:
    """Read a day's books: what each side has, and the closing report once they are closed."""
    closing = await get_closing(database(), call.path["day"])
    totals = await list_totals(database(), closing.id)
    sides = [{"side": side, "merchant": merchant} | asdict(total) for (side, merchant), total in totals.items()]
    return ok(_closing(closing) | {"sides": sides, "report": closing.report})


@routes.post(
    f"{_BASE}/books/<day:ymd>/close",
    scope=WRITE,
    response="finance/closing_request.json",
    errors=[errors.DayNotOver, errors.DayAlreadyClosed, errors.ClosingAlreadyRequested, *WRITE_ERRORS],
    status=202,
)
async def close_books(call: PartnerCall) -> Reply:
    """Have a day's books kept and closed; it takes seconds to minutes, and `close` tells how it goes."""
    request = await requests.request_closing(call.path["day"], actor=call.actor, idempotency=call.idempotency)
    return Reply(request._asdict(), 202)


@routes.get(
    f"{_BASE}/books/<day:ymd>/close",
    scope=READ,
    response="finance/closing_request.json",
    errors=[errors.ClosingNotRequested, DatabaseUnavailable],
)
async def get_close_request(call: PartnerCall) -> Reply:
    """Read how the last request to close a day's books went, or goes; `reason` says why it failed."""
    return ok((await requests.read_request(database(), call.path["day"]))._asdict())


@routes.get(
    f"{_BASE}/books/<day:ymd>/workbook",
    scope=READ,
    response="finance/workbook.json",
    errors=[errors.ClosingNotFound, errors.TooManyDifferences, DatabaseUnavailable],
    handling=Handling(operation_class="bulk"),
)
async def get_workbook(call: PartnerCall) -> Reply:
    """Get a day's books as a workbook (.xlsx), in base64."""
    db, day = database(), call.path["day"]
    closing = await get_closing(db, day)
    totals = await list_totals(db, closing.id)
    found = page = await list_differences(db, day=day, statuses=EVERY_STATUS)
    while len(page) == PAGE_MAX:
        if len(found) >= WORKBOOK_DIFFERENCES_MAX:
            raise errors.TooManyDifferences
        page = await list_differences(db, day=day, statuses=EVERY_STATUS, after=page[-1].id)
        found = found + page
    late = await list_late_entries(db, closing)
    content = await asyncio.to_thread(write_workbook, closing, totals, found, late)
    return ok({"file_name": f"books-{day}.xlsx", "media_type": XLSX, "content": b64encode(content).decode()})


@routes.get(
    f"{_BASE}/book-differences",
    scope=READ,
    query="finance/difference_query.json",
    response="finance/difference_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_book_differences(call: PartnerCall) -> Reply:
    """List what the sides of a day, or of all days, have differently, in the order in which it was found."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_DIFFERENCES, query)
    found = await list_differences(
        database(),
        day=date.fromisoformat(query["day"]) if "day" in query else None,
        statuses=(query["status"],) if "status" in query else EVERY_STATUS,
        after=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_DIFFERENCES, [_difference(one) for one in found], limit, "id")


@routes.get(
    f"{_BASE}/book-differences/<difference_id:uuid>",
    scope=READ,
    response="finance/difference.json",
    errors=[errors.DifferenceNotFound, DatabaseUnavailable],
)
async def get_book_difference(call: PartnerCall) -> Reply:
    """Read a difference, with its likely cause and the repair that is proposed."""
    return ok(_difference(await read_difference(database(), call.path["difference_id"])))


@routes.post(
    f"{_BASE}/book-differences/<difference_id:uuid>/settle",
    scope=WRITE,
    request="finance/decision.json",
    response="finance/difference.json",
    errors=[errors.DifferenceNotFound, errors.DifferenceSettled, *WRITE_ERRORS],
)
async def settle_book_difference(call: PartnerCall) -> Reply:
    """Write down what was done about a difference, and why; it is settled once."""
    settled = await settle_difference(
        database(),
        call.path["difference_id"],
        decision=call.body["decision"],
        by=call.actor.staff_code or call.client.id,
        idempotency=call.idempotency,
    )
    return ok(_difference(settled))


def _closing(one: Closing) -> dict[str, Any]:
    shown = asdict(one) | {"id": str(one.id), "day": one.day.isoformat()}
    del shown["report"]
    return shown


def _difference(one: Difference) -> dict[str, Any]:
    return asdict(one) | {"id": str(one.id)}
