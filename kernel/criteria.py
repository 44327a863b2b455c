"""What a search asks for, apart from its SQL: criteria that all hold, each in one of several ways.

A feature's query names what may be searched as a table of conditions of its own; nothing of a caller's becomes SQL.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field has one of these values; without any, nothing fits."""

    field: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Bounds of a period, or of an instant, which begins where it ends. None leaves a bound off."""

    starts_from: datetime | None = None
    starts_before: datetime | None = None
    ends_after: datetime | None = None
    ends_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class During:
    """A field's time is within one of these bounds."""

    field: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several sets of criteria holds as a whole; without any, nothing fits."""

    ways: tuple[tuple["Criterion", ...], ...]


Criterion = OneOf | During | AnyOf


class Where:
    """Writes criteria as a condition with numbered places, and collects their values.

    conditions: for a field of `OneOf` a condition with `{}` for the place of its values (an array); for one of
    `During` the columns of beginning and end with a slash between, or the one column of an instant.
    """

    def __init__(self, conditions: Mapping[str, str]) -> None:
        """Begin with nothing asked."""
        self._conditions = conditions
        self.values: list[object] = []

    def place(self, value: object) -> str:
        """Collect a value, and give its place."""
        self.values.append(value)
        return f"${len(self.values)}"

    def all_of(self, criteria: Iterable[Criterion]) -> str:
        """Write that every one of these holds."""
        return " AND ".join(self._write(one) for one in criteria) or "true"

    def after(self, columns: Sequence[str], position: Sequence[object] | None) -> str:
        """Write that an entry comes after the last of the page before, in the order of these columns."""
        if position is None:
            return "true"
        places = ", ".join(self.place(value) for value in position)
        return f"({', '.join(columns)}) > ({places})"

    def _write(self, criterion: Criterion) -> str:
        match criterion:
            case OneOf(field, values):
                return self._conditions[field].format(self.place(list(values)))
            case During(field, spans):
                return self._either(self._within(field, span) for span in spans)
            case AnyOf(ways):
                return self._either(self.all_of(way) for way in ways)

    def _within(self, field: str, span: Span) -> str:
        starts, _, ends = self._conditions[field].partition("/")
        bounds = (
            (starts, ">=", span.starts_from),
            (starts, "<", span.starts_before),
            (ends or starts, ">", span.ends_after),
            (ends or starts, "<=", span.ends_until),
        )
        told = [f"{column} {sign} {self.place(bound)}" for column, sign, bound in bounds if bound is not None]
        return " AND ".join(told) or "true"

    @staticmethod
    def _either(conditions: Iterable[str]) -> str:
        return "(" + (" OR ".join(f"({one})" for one in conditions) or "false") + ")"
