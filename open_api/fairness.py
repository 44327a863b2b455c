"""Bans after missed visits: why a patient may not book, until when, and the appeal."""

from typing import Any
from uuid import UUID

from booking.fairness import bans, errors
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Routes

routes = Routes("fairness")


@routes.get(
    "/bans",
    scope="appointments.read",
    query="fairness/ban_query.json",
    response="fairness/ban_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_bans(call: PartnerCall) -> Reply:
    """List a patient's bans, newest first: why they count, until when, and what became of appeals."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    found = await bans.list_bans(
        actor=call.actor,
        patient_id=parse_id(call.query["patient_id"]),
        before=before_of("bans", call.query),
        limit=limit + 1,
    )
    return page_of("bans", found, limit)


@routes.get(
    "/bans/<ban_id:uuid>",
    scope="appointments.read",
    response="fairness/ban.json",
    errors=[errors.BanNotFound, DatabaseUnavailable],
)
async def get_ban(call: PartnerCall) -> Reply:
    """Read a ban."""
    return ok(await bans.get_ban(call.path["ban_id"], actor=call.actor))


@routes.post(
    "/bans/<ban_id:uuid>/appeal",
    scope="appointments.write",
    request="fairness/appeal_request.json",
    response="fairness/ban.json",
    errors=[
        errors.BanNotFound,
        errors.BanNotActive,
        errors.AppealOpen,
        errors.AppealLimitReached,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def appeal(call: PartnerCall) -> Reply:
    """Ask the hospital to look at a ban again, for a patient of yours; the ban counts until that is decided."""
    return ok(
        await bans.appeal(
            ban_id=call.path["ban_id"], reason=call.body["reason"], actor=call.actor, idempotency=call.idempotency
        )
    )


def before_of(name: str, query: dict[str, Any]) -> UUID | None:
    """Give the id that the page before ended with.

    Raises:
        InvalidCursor.
    """
    return parse_id(str(read_cursor(name, query["cursor"])[0])) if "cursor" in query else None


def page_of(name: str, found: list[dict[str, Any]], limit: int) -> Reply:
    """Answer with a page of a list of which one entry more was asked for than is shown."""
    shown = found[:limit]
    return page(shown, next_cursor=write_cursor(name, str(shown[-1]["id"])) if len(found) > limit else None)
