"""Joins the feed of events, which booking keeps, with the webhooks of partner applications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from booking import notices
from kernel.crypto import FieldCipher
from kernel.db import Database, Transaction
from kernel.settings import Settings
from partners.sandbox.faults import allow_faults
from partners.webhooks.addresses import Policy, open_resolver
from partners.webhooks.fan_out import EVENTS_A_TURN_MAX, Event, Place, fan_out
from partners.webhooks.sender import Sender
from partners.webhooks.troubles import Troubles
from partners.webhooks.wire import Wire

TURNS_MAX: Final = 10
"""Of the feed at a time; the relay comes by again."""


async def hand_on_events(db: Database) -> None:
    """Make deliveries of what has happened since the last time.

    Raises:
        DatabaseUnavailable.
    """
    for _ in range(TURNS_MAX):
        if await fan_out(db, read_events) < EVENTS_A_TURN_MAX:
            return


async def read_events(tx: Transaction, after: Place, limit: int) -> Sequence[Event]:
    """Read the feed as events of the webhooks."""
    found = await notices.read_all_notices(tx, after=notices.Place(*after), limit=limit)
    return [Event(Place(*notice.place), *notice[1:]) for notice in found]


async def tell_disabled(tx: Transaction, client_id: str, endpoint_id: UUID, reason: str, at: datetime) -> None:
    """Tell a partner in the feed, and at its other endpoints, that one of its endpoints was disabled."""
    await notices.post(
        tx, client_id=client_id, kind="webhook.disabled", subject_id=endpoint_id, facts={"reason": reason}, at=at
    )


def build_sender(db: Database, settings: Settings, *, cipher: FieldCipher) -> Sender:
    """Give what sends webhooks in this process; in a sandbox to the machine itself too, and with its faults."""
    wire = Wire(open_resolver(Policy(loopback=not settings.production)))
    allow_faults(allowed=not settings.production)
    troubles = None if settings.production else Troubles(db)
    return Sender(db, wire, cipher=cipher, tell=tell_disabled, troubles=troubles)
