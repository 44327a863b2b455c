"""How good the waiting times were that patients were told."""

from datetime import date
from typing import Final

from booking.catalogue.errors import RangeTooLong
from booking.queue.queries import measure_accuracy
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ
from open_api.calls import PartnerCall, Reply, ok
from open_api.routing import Routes

routes: Final = Routes("administration: queue", staff_only=True, operation_class="sensitive")
DAYS_MAX: Final = 31


@routes.get(
    "/administration/queue-accuracy",
    scope=READ,
    query="queue/accuracy_query.json",
    response="queue/accuracy.json",
    errors=[RangeTooLong, DatabaseUnavailable],
)
async def show_queue_accuracy(call: PartnerCall) -> Reply:
    """Compare the waits that patients were told at check-in with the true ones, by clinic and day."""
    first, last = (date.fromisoformat(call.query[name]) for name in ("date_from", "date_until"))
    if not 0 <= (last - first).days < DAYS_MAX:
        raise RangeTooLong(days_max=DAYS_MAX)
    clinic_id = parse_id(call.query["clinic_id"]) if "clinic_id" in call.query else None
    found = await measure_accuracy(day_from=first, day_until=last, clinic_id=clinic_id)
    return ok(
        {
            "items": [
                {
                    "clinic_id": one.clinic_id,
                    "date": one.clinic_date,
                    "waits": one.waits,
                    "median_absolute_error_seconds": one.median_absolute_error_seconds,
                    "median_wait_seconds": one.median_wait_seconds,
                    "share_inside_interval": one.share_inside_interval,
                }
                for one in found
            ]
        }
    )
