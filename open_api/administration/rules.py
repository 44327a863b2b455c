"""By which ways people book, how seats are shared, when they open, what a booking may do and when it is paid."""

from typing import Final

from booking.catalogue import errors, kinds
from open_api.administration.entries import add_entries
from open_api.routing import Routes

routes: Final = Routes("administration: rules", staff_only=True, operation_class="sensitive", described_by=__name__)

add_entries(routes, kinds.CHANNEL, "/administration/channels", one="channel", many="channels", key="code:str")
add_entries(
    routes,
    kinds.POOL,
    "/administration/pools",
    one="pool",
    many="pools",
    key="code:str",
    refusals=[errors.EssentialEntry, errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.RELEASE_RULE,
    "/administration/release-rules",
    one="release rule",
    many="release rules",
    removable=True,
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed],
)
add_entries(
    routes,
    kinds.BOOKING_RULE,
    "/administration/booking-rules",
    one="booking rule",
    many="booking rules",
    removable=True,
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed, errors.EssentialEntry],
)
add_entries(
    routes,
    kinds.REGISTRATION_PAYMENT_RULE,
    "/administration/registration-payment-rules",
    one="rule of when the registration fee is paid",
    many="rules of when the registration fee is paid",
    removable=True,
    refusals=[errors.ReferenceUnknown, errors.ValueNotAllowed, errors.EssentialEntry],
)
add_entries(
    routes,
    kinds.REGISTRATION_PAYMENT_TERMS,
    "/administration/registration-payment-terms",
    one="set of terms of paying the registration fee",
    many="terms of paying the registration fee",
    creatable=False,
    refusals=[errors.ValueNotAllowed],
)
