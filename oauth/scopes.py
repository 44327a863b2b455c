"""Which scopes are within which: word by word, and for FHIR by SMART App Launch 2.2's own order."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

# Of every resource: they open no data by themselves (OpenID Connect Core, SMART App Launch 2.2). Every client has them.
COMMON_SCOPES: Final = frozenset(
    {"openid", "profile", "fhirUser", "launch", "launch/patient", "offline_access", "online_access"}
)

# `patient/Observation.rs`, `system/*.cruds`; what narrows it further stands after a question mark.
_SMART: Final = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,40})\.(c?r?u?d?s?)(\?[\x21-\x7e]{1,200})?")


@dataclass(frozen=True, slots=True)
class SmartScope:
    """A scope of SMART App Launch 2.2, such as `patient/Appointment.rs?status=booked`.

    context: `patient` or `system`. permissions: some of `cruds`. narrowed_by: search parameters as in an address.
    """

    context: str
    resource_type: str
    permissions: str
    narrowed_by: str


def read_smart_scope(scope: str) -> SmartScope | None:
    """Read a scope of the FHIR API; None for any other."""
    found = _SMART.fullmatch(scope)
    if found is None or not found[3]:
        return None
    return SmartScope(found[1], found[2], found[3], (found[4] or "")[1:])


def is_supported(scope: str) -> bool:
    """Tell whether a scope may be registered and asked for: the `user` context of SMART is not served."""
    return not scope.startswith("user/")


def is_within(asked: str, allowed: Collection[str]) -> bool:
    """Tell whether a scope is one of those allowed, or narrower than one of them."""
    if asked in allowed:
        return True
    narrow = _SMART.fullmatch(asked)
    if narrow is None or not narrow[3]:
        return False
    for one in allowed:
        wide = _SMART.fullmatch(one)
        if (
            wide is not None
            and wide[1] == narrow[1]
            and wide[2] in ("*", narrow[2])
            and set(narrow[3]) <= set(wide[3])
            and wide[4] in (None, narrow[4])
        ):
            return True
    return False


def within(asked: Collection[str], allowed: Collection[str]) -> frozenset[str]:
    """Keep the scopes that are within those allowed."""
    return frozenset(scope for scope in asked if is_within(scope, allowed))
