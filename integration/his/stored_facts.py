"""Neutral facts as JSON, for the inbox: what was told is kept sealed until it has been applied."""

import types
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from integration.his import facts as facts_module
from integration.his.errors import FactsUnreadable
from integration.his.facts import Facts

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        facts_module.PatientFacts,
        facts_module.AppointmentFacts,
        facts_module.ScheduleFacts,
        facts_module.PractitionerFacts,
        facts_module.LocationFacts,
        facts_module.VisitFacts,
        facts_module.NumbersHandedBack,
        facts_module.BillFacts,
        facts_module.RefundDecisionFacts,
        facts_module.DepositFacts,
        facts_module.DischargeFacts,
    )
}


def dump_facts(facts: Facts) -> str:
    """Write facts as JSON text that `load_facts` reads back to equal facts."""
    return orjson.dumps({"kind": type(facts).__name__, "facts": facts}, default=_plain).decode()


def _plain(value: object) -> str:
    """Write an id of asyncpg's own kind, which orjson does not take for a UUID."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError


def load_facts(text: str) -> Facts:
    """Read facts back.

    Fields that a newer release added take their defaults; unknown ones are left out.

    Raises:
        FactsUnreadable: the kind is unknown, or a required field is missing or of another type.
    """
    try:
        stored = orjson.loads(text)
        read: Facts = _read(stored["facts"], _KINDS[stored["kind"]])
    except (KeyError, TypeError, ValueError) as error:
        raise FactsUnreadable(reason=type(error).__name__) from error
    return read


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(value: Any, hint: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _read(value, next(arm for arm in get_args(hint) if arm is not type(None)))
    if origin is tuple:
        return tuple(_read(item, get_args(hint)[0]) for item in value)
    if is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]  # a dataclass type, as just checked
        known = {field.name for field in fields(hint)}
        read = {name: _read(item, hints[name]) for name, item in value.items() if name in known}
        return hint(**read)  # type: ignore[operator]  # a dataclass type, not an instance
    return _read_scalar(value, hint)


def _read_scalar(value: Any, hint: Any) -> Any:
    if hint is UUID:
        return UUID(value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is date:
        return date.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if type(value) is not hint:
        raise TypeError(f"want {hint}, not {type(value)}")
    return value
