"""Reading FHIR search parameters (http://hl7.org/fhir/R4/search.html) as criteria.

A parameter's alternatives stand with commas between, and one of them must hold; a parameter given again must hold too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.clock import SHANGHAI
from kernel.criteria import AnyOf, Criterion, During, OneOf, Span
from kernel.ids import parse_id
from oauth import resources
from open_api.fhir.errors import ParameterInvalid, ParameterUnknown

ALTERNATIVES_MAX: Final = 50
# Far enough from both ends of what a timestamp can be for zones and for "approximately" to stay within.
YEARS: Final = range(1000, 9000)
_COMMA: Final = re.compile(r"(?<!\\),")
_ESCAPED: Final = re.compile(r"\\([,|$\\])")
_PREFIXED: Final = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d.*)", re.ASCII)
_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d{0,3})?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: its type as the CapabilityStatement says it, what it means, and how it is read.

    read: makes a criterion of its alternatives. targets: what a reference may lead to.
    """

    type: Literal["token", "reference", "date", "string"]
    documentation: str
    read: Callable[[Sequence[str]], Criterion]
    targets: tuple[str, ...] = ()

    def criterion(self, name: str, value: str) -> Criterion:
        """Read one appearance of the parameter. name: with its modifier, if it has one.

        Raises:
            ParameterUnknown, ParameterInvalid.
        """
        parameter, _, modifier = name.partition(":")
        alternatives = [one for one in _COMMA.split(value) if one]
        if not alternatives or len(alternatives) > ALTERNATIVES_MAX or "\x00" in value:
            raise ParameterInvalid(parameter=parameter)
        if modifier:
            if modifier not in self.targets:
                raise ParameterUnknown(parameter=name[:80])
            alternatives = [one if "/" in one else f"{modifier}/{one}" for one in alternatives]
        try:
            return self.read(alternatives)
        except ValueError as error:
            raise ParameterInvalid(parameter=parameter) from error


def unescape(text: str) -> str:
    r"""Take `\,`, `\|`, `\$` and `\\` for what they stand for."""
    return _ESCAPED.sub(r"\1", text)


def ids(field: str, documentation: str) -> Parameter:
    """Find by logical id."""
    return Parameter("token", documentation, lambda given: OneOf(field, tuple(_ids(given))))


def codes(field: str, documentation: str, *, system: str) -> Parameter:
    """Find by a code that FHIR itself defines."""

    def read(given: Sequence[str]) -> Criterion:
        wanted = (split_token(one) for one in given)
        return OneOf(field, tuple(code for where, code in wanted if where in (None, system)))

    return Parameter("token", documentation, read)


def split_token(text: str) -> tuple[str | None, str]:
    """Split `system|code`; None where any system will do, an empty one where there must be none."""
    system, bar, code = text.rpartition("|")
    return (unescape(system) if bar else None), unescape(code)


def references(documentation: str, **fields: str) -> Parameter:
    """Find by what is referred to. fields: for each type that may be, the criterion's field."""

    def read(given: Sequence[str]) -> Criterion:
        ways: dict[str, list[UUID]] = {}
        for one in given:
            kind, _, logical_id = one.removeprefix(f"{resources.fhir()}/").rpartition("/")
            for target in [kind] if kind else fields:
                if target in fields:
                    ways.setdefault(fields[target], []).extend(_ids([logical_id]))
        found = [OneOf(field, tuple(wanted)) for field, wanted in ways.items()]
        return found[0] if len(found) == 1 else AnyOf(tuple((one,) for one in found))

    return Parameter("reference", documentation, read, tuple(fields))


def names(field: str, documentation: str) -> Parameter:
    """Find by how a name begins, whatever the case."""
    return Parameter("string", documentation, lambda given: OneOf(field, tuple(unescape(one).lower() for one in given)))


def instants(field: str, documentation: str) -> Parameter:
    """Find by an instant."""

    def read(given: Sequence[str]) -> Criterion:
        return During(field, tuple(span for one in given for span in _of_instant(*_read_date(one))))

    return Parameter("date", documentation, read)


def periods(field: str, documentation: str) -> Parameter:
    """Find by a period."""

    def read(given: Sequence[str]) -> Criterion:
        return During(field, tuple(span for one in given for span in _of_period(*_read_date(one))))

    return Parameter("date", documentation, read)


def _ids(given: Sequence[str]) -> list[UUID]:
    """Read ids; what is no id of ours is nobody's."""
    found = []
    for one in given:
        try:
            found.append(parse_id(one))
        except ValueError:
            continue
    return found


def _of_instant(prefix: str, start: datetime, end: datetime) -> Sequence[Span]:
    margin = _margin(start, end)
    spans: dict[str, list[Span]] = {
        "eq": [Span(starts_from=start, starts_before=end)],
        "ne": [Span(starts_before=start), Span(starts_from=end)],
        "gt": [Span(starts_from=end)],
        "ge": [Span(starts_from=start)],
        "lt": [Span(starts_before=start)],
        "le": [Span(starts_before=end)],
        "sa": [Span(starts_from=end)],
        "eb": [Span(starts_before=start)],
        "ap": [Span(starts_from=start - margin, starts_before=end + margin)],
    }
    return spans[prefix]


def _of_period(prefix: str, start: datetime, end: datetime) -> Sequence[Span]:
    within, margin = Span(starts_from=start, ends_until=end), _margin(start, end)
    spans: dict[str, list[Span]] = {
        "eq": [within],
        # Not within is to begin before, or to end after.
        "ne": [Span(starts_before=start), Span(ends_after=end)],
        "gt": [Span(ends_after=end)],
        "ge": [within, Span(ends_after=end)],
        "lt": [Span(starts_before=start)],
        "le": [within, Span(starts_before=start)],
        "sa": [Span(starts_from=end)],
        "eb": [Span(ends_until=start)],
        "ap": [Span(starts_before=end + margin, ends_after=start - margin)],
    }
    return spans[prefix]


def _margin(start: datetime, end: datetime) -> timedelta:
    """Tell how far "approximately" reaches: a tenth of the way from now (section 3.1.1.4.6)."""
    now = clock.now()
    return max(start - now, now - end, timedelta(0)) / 10


def _read_date(text: str) -> tuple[str, datetime, datetime]:
    """Read prefix and date as half-open range, as wide as the date is precise; Guangzhou's time unless a zone is given.

    Raises:
        ValueError: not a date.
    """
    prefixed = _PREFIXED.fullmatch(text)
    # A plus sign that was not escaped has come as a space.
    found = _DATE.fullmatch(prefixed[2].replace(" ", "+")) if prefixed else None
    if prefixed is None or found is None:
        raise ValueError("not a date")
    start, end = _range(found)
    return prefixed[1] or "eq", start, end


def _range(found: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if int(year) not in YEARS:
        raise ValueError("out of range")
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if hour is None:
            after = _after(first, year_only=month is None, whole_month=day is None)
            return _midnight(first), _midnight(after)
        clocked = f"{first}T{hour}:{minute}:{second or '00'}.{(fraction or '0').ljust(6, '0')}"
        start = datetime.fromisoformat(clocked + (zone or "+08:00"))
        step = timedelta(minutes=1) if second is None else timedelta(seconds=1)
        if fraction is not None:
            step = timedelta(microseconds=10 ** (6 - len(fraction)))
        return start, start + step
    except OverflowError as error:
        raise ValueError("out of range") from error


def _after(first: date, *, year_only: bool, whole_month: bool) -> date:
    """Give the first day after a day, a month or a year."""
    if year_only:
        return date(first.year + 1, 1, 1)
    if whole_month:
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first + timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
