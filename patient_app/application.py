"""The patient surface as one piece: every route behind its guard."""

from collections.abc import Sequence
from typing import Any, Final

from sanic import Sanic

from patient_app import (
    account,
    account_rights,
    allowed,
    bills,
    booking,
    contact,
    directory,
    feedback,
    home,
    members,
    messages,
    pay_codes,
    payments,
    phones,
    queue,
    sessions,
    visits,
    waitlist,
    wechat,
)
from patient_app.guard import mount
from patient_app.limits import turnstile
from patient_app.routing import Routes

FEATURES: Final[Sequence[Routes]] = (
    sessions.routes,
    members.routes,
    account.routes,
    home.routes,
    visits.routes,
    directory.routes,
    booking.routes,
    payments.routes,
    bills.routes,
    pay_codes.routes,
    feedback.routes,
    account_rights.routes,
    phones.routes,
    wechat.routes,
    messages.routes,
    allowed.routes,
    contact.routes,
    waitlist.routes,
    queue.routes,
)


def mount_patient_app(app: Sanic[Any, Any]) -> None:
    """Put the patient surface into the application."""
    for routes in FEATURES:
        for route in routes:
            mount(app, route)

    @app.after_server_stop
    async def close_turnstile(_app: Sanic[Any, Any]) -> None:
        await turnstile.close()
