"""What a token opens of the FHIR API, by SMART App Launch 2.2's scopes: given as criteria that every read keeps within.

A person's token opens the compartment of the one patient whom they chose, and the directory. A client's own opens, for
a partner, the patients whom it has registered and the appointments that it has made, as the open API does; for the
hospital's own applications, everything.
"""

from collections.abc import Iterable
from typing import Literal
from urllib.parse import parse_qsl

from kernel.criteria import AnyOf, Criterion, OneOf
from kernel.errors import HospitalError
from kernel.ids import parse_id
from oauth.clients import Client
from oauth.errors import InsufficientScope
from oauth.scopes import SmartScope, read_smart_scope
from open_api.fhir.kinds import Kind

NARROWED_BY_MAX = 10


def criteria_of(client: Client, kind: Kind, interaction: Literal["r", "s"]) -> tuple[Criterion, ...]:
    """Give the bounds within which a client may read (`r`) or search (`s`) a type.

    Raises:
        InsufficientScope: it may not at all.
    """
    context = "system" if client.person is None else "patient"
    fitting = [
        scope
        for scope in map(read_smart_scope, sorted(client.scopes))
        if scope is not None
        and scope.context == context
        and scope.resource_type in ("*", kind.name)
        and interaction in scope.permissions
    ]
    ways = [way for way in (_narrowed(scope, kind) for scope in fitting) if way is not None]
    if not ways or (client.person is not None and client.person.patient_id is None):
        raise InsufficientScope(scope=f"{context}/{kind.name}.{interaction}")
    own = tuple(_own(client, kind))
    # One that is not narrowed opens all that the others do.
    return own if () in ways else (*own, AnyOf(tuple(ways)))


def _own(client: Client, kind: Kind) -> Iterable[Criterion]:
    if client.person is not None and client.person.patient_id is not None:
        if kind.patient_field is not None:
            yield OneOf(kind.patient_field, (parse_id(client.person.patient_id),))
    elif client.kind == "partner" and kind.owner_field is not None:
        yield OneOf(kind.owner_field, (client.id,))


def _narrowed(scope: SmartScope, kind: Kind) -> tuple[Criterion, ...] | None:
    """Read what a scope is narrowed by; one narrowed by what we cannot search opens nothing."""
    try:
        pairs = parse_qsl(
            scope.narrowed_by,
            # What is left blank narrows to nothing at all, rather than not at all.
            keep_blank_values=True,
            strict_parsing=bool(scope.narrowed_by),
            max_num_fields=NARROWED_BY_MAX,
        )
        return tuple(kind.parameters[name.partition(":")[0]].criterion(name, value) for name, value in pairs)
    except (ValueError, KeyError, HospitalError):
        return None
