"""The hospital's calendar as it is worked, and the slot office's exceptions to it."""

from datetime import date
from typing import Final

from booking.catalogue import errors, kinds
from booking.catalogue.calendar import read_days
from kernel.db import DatabaseUnavailable
from open_api.administration.entries import READ, add_entries
from open_api.calls import PartnerCall, Reply, ok
from open_api.routing import Routes

routes: Final = Routes("administration: calendar", staff_only=True, operation_class="sensitive", described_by=__name__)


@routes.get(
    "/administration/calendar",
    scope=READ,
    query="administration/calendar_query.json",
    response="administration/calendar.json",
    errors=[errors.RangeTooLong, DatabaseUnavailable],
)
async def show_calendar(call: PartnerCall) -> Reply:
    """Show what each day of a range is: worked, weekend or holiday, by whose word, and whose templates run."""
    days, provisional_years = await read_days(
        date.fromisoformat(call.query["date_from"]), date.fromisoformat(call.query["date_until"])
    )
    # orjson writes the dataclasses as they are: their fields are those of the schema.
    return ok({"items": days, "provisional_years": provisional_years})


add_entries(
    routes,
    kinds.CALENDAR_DAY,
    "/administration/calendar-exceptions",
    one="calendar exception",
    many="calendar exceptions",
    key="date:ymd",
    removable=True,
    refusals=[errors.DayPast, errors.ValueNotAllowed],
)
