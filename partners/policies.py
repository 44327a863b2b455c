"""What the gateway knows of an application: its door and its limits, remembered for less than a second."""

import asyncio
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, Final, Literal

from kernel import clock
from kernel.db import database
from partners.sandbox.faults import AFTER, BEFORE, Fault, are_faults_allowed, fault_of

REMEMBER_SECONDS: Final = 0.8
REMEMBERED_MAX: Final = 10_000
DAY_SECONDS: Final = 86_400

# Tokens are no class that a limit covers: asking for them counts where it has a limit of its own.
OperationClass = Literal["care", "bulk", "sensitive", "tokens"]
Address = IPv4Address | IPv6Address

# An application that is suspended or retired is stopped too. A client's own policy goes before that of its kind.
_FACTS: Final = """
SELECT coalesce(g.stopped, false) OR EXISTS (SELECT FROM partner_application a WHERE a.client_id = c.client_id
           AND a.status IN ('suspended', 'retired')) AS stopped, coalesce(g.networks::text[], '{}') AS networks,
       g.sm2_public_key, coalesce(g.signature_required, false) AS signature_required,
       coalesce((SELECT jsonb_agg(p) FROM (
           SELECT DISTINCT ON (covers, window_seconds = 86400) covers, window_seconds, requests FROM rate_policy
           WHERE client_id = $1 OR client_kind = $2
           ORDER BY covers, window_seconds = 86400, client_id NULLS LAST) p), '[]') AS policies
FROM (SELECT $1::text AS client_id) c LEFT JOIN application_gate g USING (client_id)
"""
# A sandbox's doors know of faults too; a production's do not ask.
_FAULTS: Final = """
     , coalesce((SELECT jsonb_agg(f ORDER BY f.id) FROM sandbox_fault f WHERE f.client_id = $1
           AND f.status = 'active' AND f.ends_at > $3 AND f.kind = ANY ($4)), '[]') AS faults
"""
_FACTS_OF_SANDBOX: Final = _FACTS.replace("FROM (SELECT $1", f"{_FAULTS}FROM (SELECT $1")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests of one application within any `window_seconds`, together over all processes.

    key: the counter in Valkey; the braces keep all counters of a client in one slot of a cluster.
    """

    name: str
    key: str
    requests: int
    window_seconds: int

    @property
    def is_daily(self) -> bool:
        """Tell a quota of a day from a rate."""
        return self.window_seconds == DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that count for one operation, with the header that tells them (RateLimit-Policy)."""

    entries: tuple[Limit, ...]
    header: str


@dataclass(slots=True)
class Gate:
    """One application's door. networks: where it may come from; none: from anywhere.

    faults: those that its calls in a sandbox are to meet.
    """

    client_id: str
    stopped: bool
    networks: tuple[IPv4Network | IPv6Network, ...]
    sm2_public_key: bytes | None
    signature_required: bool
    policies: list[dict[str, Any]]
    faults: tuple[Fault, ...] = ()
    _limits: dict[str, Limits] = field(default_factory=dict)

    def admits(self, address: Address | None) -> bool:
        """Tell whether an address is allowed; one that is not known is not."""
        if not self.networks:
            return True
        return address is not None and any(
            address.version == network.version and address in network for network in self.networks
        )

    def limits_of(self, operation: str, operation_class: OperationClass) -> Limits:
        """Give the limits that count for an operation: on all, its class and itself; for tokens the last alone."""
        known = self._limits.get(operation)
        if known is None:
            known = self._limits[operation] = self._limits_for(operation, operation_class)
        return known

    def _limits_for(self, operation: str, operation_class: OperationClass) -> Limits:
        entries = []
        covering = (operation,) if operation_class == "tokens" else ("all", operation_class, operation)
        for policy in self.policies:
            covers, window, requests = policy["covers"], policy["window_seconds"], policy["requests"]
            if requests is not None and covers in covering:
                name = "operation" if covers == operation else covers
                name = f"{name}-daily" if window == DAY_SECONDS else name
                key = f"limit:{{{self.client_id}}}:{covers}:{window}"
                entries.append(Limit(name, key, requests, window))
        header = ", ".join(f'"{limit.name}";q={limit.requests};w={limit.window_seconds}' for limit in entries)
        return Limits(tuple(entries), header)


_gates: dict[str, tuple[float, Gate]] = {}
_reading: dict[str, asyncio.Lock] = {}


def remembered_gate(client_id: str) -> Gate | None:
    """Give an application's door if it was read less than a second ago."""
    known = _gates.get(client_id)
    return known[1] if known is not None and known[0] > time.monotonic() else None


async def gate_of(client_id: str, kind: Literal["partner", "internal"]) -> Gate:
    """Give an application's door, read by one reader at a time.

    Raises:
        DatabaseUnavailable.
    """
    async with _reading.setdefault(client_id, asyncio.Lock()):
        known = remembered_gate(client_id)
        if known is None:
            # As old as its question: what is changed afterwards is seen within a second of the change.
            until = time.monotonic() + REMEMBER_SECONDS
            known = await read_gate(client_id, kind)
            if len(_gates) >= REMEMBERED_MAX:
                forget_gates()
            _gates[client_id] = (until, known)
        return known


def forget_gates() -> None:
    """Forget what was read, so that the next request reads it anew."""
    _gates.clear()
    _reading.clear()


async def read_gate(client_id: str, kind: str) -> Gate:
    """Read an application's door as it is now.

    Raises:
        DatabaseUnavailable.
    """
    with_faults = are_faults_allowed()
    if with_faults:
        row = await database().fetchrow(_FACTS_OF_SANDBOX, client_id, kind, clock.now(), sorted(BEFORE | AFTER))
    else:
        row = await database().fetchrow(_FACTS, client_id, kind)
    assert row is not None, "one row, whatever stands in the tables"
    return Gate(
        client_id,
        stopped=row["stopped"],
        networks=tuple(ip_network(text) for text in row["networks"]),
        sm2_public_key=row["sm2_public_key"],
        signature_required=row["signature_required"],
        policies=row["policies"],
        faults=tuple(fault_of(fault) for fault in row["faults"]) if with_faults else (),
    )
