"""Dates, instants and whole numbers as HL7 v2 writes them (v2.5.1, 2.A: DT, TS, NM)."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from integration.codecs.errors import BadFieldValue

# A hospital's wall clock; a stamp without an offset is read in it. China has had no other offset
# since 1991.
CHINA_STANDARD_TIME = timezone(timedelta(hours=8))

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_TIMESTAMP = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(?:(\d{2})(?:\.(\d{1,4}))?)?)?(?:([+-])(\d{2})(\d{2}))?",
    re.ASCII,
)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def format_timestamp(at: datetime) -> str:
    """An instant to the second in China Standard Time, with its offset: ``20261123083000+0800``."""
    local = at.astimezone(CHINA_STANDARD_TIME)
    return f"{local.year:04d}{local:%m%d%H%M%S%z}"


def format_date(day: date) -> str:
    """A calendar day: ``20261123``."""
    return f"{day.year:04d}{day:%m%d}"


def parse_timestamp(text: str) -> datetime:
    """Read an instant into UTC; no offset means China Standard Time, no time means midnight.

    Raises:
        BadFieldValue: it is not a timestamp.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise BadFieldValue(f"{text[:32]!r} is not an HL7 timestamp")
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    try:
        zone = CHINA_STANDARD_TIME
        if sign is not None:
            offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
            zone = timezone(-offset if sign == "-" else offset)
        microsecond = int((fraction or "").ljust(6, "0") or "0")
        local = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            microsecond,
            zone,
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadFieldValue(f"{text!r} is not an instant of the calendar") from None


def parse_date(text: str) -> date:
    """Read a calendar day; a time of day behind it is ignored, as birth dates often carry one.

    Raises:
        BadFieldValue: it is not a day of the calendar.
    """
    match = _DATE.match(text)
    if match is None or not (len(text) == 8 or _TIMESTAMP.fullmatch(text)):
        raise BadFieldValue(f"{text[:32]!r} is not an HL7 date")
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise BadFieldValue(f"{text!r} is not a day of the calendar") from None


def parse_integer(text: str) -> int:
    """Read a whole number.

    Raises:
        BadFieldValue: it is not one, or has more than 18 digits.
    """
    if _INTEGER.fullmatch(text) is None:
        raise BadFieldValue(f"{text[:32]!r} is not a whole number")
    return int(text)
