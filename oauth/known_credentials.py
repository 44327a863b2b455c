"""The demonstration's credentials: public by design, so production refuses to start where one of them works."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A demonstration client as `./hospital up` creates and prints it."""

    role: str
    client_id: str
    secret: str
    name: str
    kind: str
    channel: str
    scopes: tuple[str, ...]


_BOOKING: Final = (
    "catalogue.read",
    "slots.read",
    "patients.read",
    "patients.write",
    "appointments.read",
    "appointments.write",
    "waitlist.read",
    "waitlist.write",
    "checkin.write",
    "queue.read",
    "payments.read",
    "payments.write",
    "refunds.write",
)

DEMO_CLIENTS: Final = (
    DemoClient(
        "city_portal",
        "demo-city-portal",
        "demo-city-portal-secret",
        "City appointment portal",
        "partner",
        "city_portal",
        (*_BOOKING, "webhooks.manage", "sandbox.manage"),
    ),
    DemoClient(
        "kiosk",
        "demo-kiosk",
        "demo-kiosk-secret",
        "Lobby kiosk",
        "internal",
        "kiosk",
        _BOOKING,
    ),
    DemoClient(
        "slot_office",
        "demo-slot-office",
        "demo-slot-office-secret",
        "Slot office",
        "internal",
        "window",
        (
            *_BOOKING,
            "queue.write",
            "administration.read",
            "administration.write",
            "cashier.write",
            "finance.read",
            "finance.write",
            "feedback.read",
            "feedback.write",
        ),
    ),
)

DEMO_STAFF: Final = (("S0001", "号源办演示员"), ("S0002", "自助机演示员"), ("S0003", "投诉办演示员"))
