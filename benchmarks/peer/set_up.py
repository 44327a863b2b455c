"""Runs inside the peer's own environment: makes an organiser, one event, one product and one quota.

Prints one JSON object: the token and what to order. Nothing of the platform is importable here.
"""

# mypy: ignore-errors
# ruff: noqa: E402, PLC0415
# Reason for both: pretix and Django exist only in the peer's environment, and Django wants its set-up before imports.

import json
import os
import sys
from datetime import timedelta
from decimal import Decimal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pretix.settings")
import django

django.setup()

from django.utils.timezone import now
from django_scopes import scopes_disabled
from pretix.base.models import Event, Organizer, Team


def main(seats: int) -> None:
    """Make the shop and print how to order from it."""
    with scopes_disabled():
        organizer = Organizer.objects.create(name="Hospital", slug="hospital")
        event = Event.objects.create(
            organizer=organizer,
            name="Outpatient clinic",
            slug="clinic",
            currency="CNY",
            date_from=now() + timedelta(days=30),
            live=True,
            plugins="pretix.plugins.banktransfer",
        )
        event.settings.set("payment_banktransfer__enabled", True)
        event.settings.set("timezone", "Asia/Shanghai")
        item = event.items.create(name="Visit", default_price=Decimal("0.00"), active=True)
        quota = event.quotas.create(name="Seats", size=seats)
        quota.items.add(item)
        team = Team.objects.create(
            organizer=organizer, name="Bench", all_events=True, all_event_permissions=True,
            all_organizer_permissions=True,
        )  # fmt: skip
        token = team.tokens.create(name="bench")
        print(json.dumps({"token": token.token, "item": item.pk, "quota": quota.pk}))


def count() -> None:
    """Print how many positions the quota has sold."""
    from pretix.base.models import OrderPosition

    with scopes_disabled():
        print(json.dumps({"sold": OrderPosition.objects.filter(canceled=False).count()}))


if __name__ == "__main__":
    if sys.argv[1] == "count":
        count()
    else:
        main(int(sys.argv[1]))
