"""Campuses, departments, clinics with whom they admit, and rooms."""

from typing import Final

from booking.catalogue import errors, kinds
from open_api.administration.entries import add_entries
from open_api.routing import Routes

routes: Final = Routes("administration: places", staff_only=True, operation_class="sensitive", described_by=__name__)

add_entries(routes, kinds.CAMPUS, "/administration/campuses", one="campus", many="campuses")
add_entries(
    routes,
    kinds.DEPARTMENT,
    "/administration/departments",
    one="department",
    many="departments",
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.CLINIC,
    "/administration/clinics",
    one="clinic",
    many="clinics",
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.ROOM,
    "/administration/rooms",
    one="room",
    many="rooms",
    refusals=[errors.ReferenceUnknown],
)
