"""Which scopes are within which: word by word, and for FHIR by SMART App Launch 2.2's own order."""

import re
from collections.abc import Collection
from typing import Final

# Of every resource: they open no data by themselves (OpenID Connect Core, SMART App Launch 2.2). Every client has them.
COMMON_SCOPES: Final = frozenset(
    {"openid", "profile", "fhirUser", "launch", "launch/patient", "offline_access", "online_access"}
)

# `patient/Observation.rs`, `system/*.cruds`; what narrows it further stands after a question mark.
_SMART: Final = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,40})\.(c?r?u?d?s?)(\?[\x21-\x7e]{1,200})?")


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
