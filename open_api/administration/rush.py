"""Which schedules are hot, so that there is a waiting room at their release, and how it works."""

from typing import Final

from booking.catalogue import errors, kinds
from booking.rush.findings import list_findings
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, add_entries, after, shown_page
from open_api.calls import PartnerCall, Reply
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: rush", staff_only=True, described_by=__name__)
_FINDINGS: Final = "administration.rush_finding"

add_entries(
    routes,
    kinds.RUSH_RULE,
    "/administration/rush-rules",
    one="rule of the waiting room",
    many="rules of the waiting room",
    creatable=False,
    refusals=[errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.RUSH_MARK,
    "/administration/rush-marks",
    one="mark of what is hot",
    many="marks of what is hot",
    removable=True,
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed],
)


@routes.get(
    "/administration/rush-findings",
    scope=READ,
    query="administration/rush_finding_query.json",
    response="administration/rush_finding_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_rush_findings(call: PartnerCall) -> Reply:
    """List practitioners whose last releases were all sold out within minutes, as found last night."""
    limit, last = call.query.get("limit", LIMIT_DEFAULT), after(_FINDINGS, call.query)
    found = await list_findings(after=parse_id(last) if last else None, limit=limit + 1)
    return shown_page(_FINDINGS, [dict(one) for one in found], limit, "practitioner_id")
