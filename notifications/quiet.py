"""Quiet hours: when nobody wants to be woken by what can wait."""

from datetime import datetime, time, timedelta
from typing import NamedTuple

from kernel import clock


class QuietHours(NamedTuple):
    """From one time of day until another, as the clock on the wall in Guangzhou shows it; equal: never quiet."""

    since: time
    until: time


def quiet_until(at: datetime, hours: QuietHours) -> datetime | None:
    """Give the end of the quiet hours in which an instant falls; None: it falls outside. They may go over midnight."""
    local = at.astimezone(clock.SHANGHAI)
    now, day = local.time(), local.date()
    since, until = hours
    if since < until:
        return clock.clinic_instant(day, until) if since <= now < until else None
    if since == until:
        return None
    if now >= since:
        return clock.clinic_instant(day + timedelta(days=1), until)
    return clock.clinic_instant(day, until) if now < until else None


def send_at(at: datetime, hours: QuietHours, *, passes: bool, useless_after: datetime | None) -> datetime:
    """Say when a message may go: now, or when the quiet hours are over, unless it would be of no use by then."""
    end = None if passes else quiet_until(at, hours)
    if end is None or (useless_after is not None and useless_after <= end):
        return at
    return end
