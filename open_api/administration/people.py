"""Practitioners, their titles, the service types they give, and what those cost."""

from typing import Final

from booking.catalogue import errors, kinds
from open_api.administration.entries import add_entries
from open_api.routing import Routes

routes: Final = Routes("administration: people", staff_only=True, operation_class="sensitive", described_by=__name__)

add_entries(
    routes,
    kinds.PRACTITIONER,
    "/administration/practitioners",
    one="practitioner",
    many="practitioners",
    refusals=[errors.ReferenceUnknown],
)
add_entries(routes, kinds.TITLE, "/administration/titles", one="title", many="titles", key="code:str")
add_entries(
    routes,
    kinds.SERVICE_TYPE,
    "/administration/service-types",
    one="service type",
    many="service types",
    key="code:str",
)
add_entries(
    routes,
    kinds.FEE,
    "/administration/fees",
    one="registration fee",
    many="registration fees",
    removable=True,
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed],
)
