"""Which feature speaks for which event, in both directions. The engine itself knows no feature.

Features build these records; `runtime.subscriptions` joins them to the engine at start-up.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from integration.his.port import Accepted, InboundChange, InboundKind, OutboundChange, Rejected
from integration.his.reconcile import DayComparer
from kernel.db import Transaction
from kernel.errors import HospitalError


class Verdict(StrEnum):
    """What a feature makes of the HIS's refusal.

    SETTLED: compensated, nothing more to send. RETRY: it will be accepted later (something earlier
    is still on its way). UNSETTLED: the feature has no rule for it, a person must look.
    """

    SETTLED = "settled"
    RETRY = "retry"
    UNSETTLED = "unsettled"


@dataclass(frozen=True, slots=True)
class Intent:
    """One leased letter of the outbox: ids in the payload, no more."""

    id: int
    event_type: str
    aggregate: str
    message_id: UUID
    payload: dict[str, Any]
    created_at: datetime


Load = Callable[[Sequence[Intent]], Awaitable[Mapping[int, OutboundChange]]]
OnAccepted = Callable[[Transaction, Sequence[tuple[Intent, Accepted]]], Awaitable[None]]
OnRejected = Callable[[Transaction, Intent, Rejected], Awaitable[Verdict]]
Apply = Callable[[Transaction, InboundChange], Awaitable[None]]
OnRefused = Callable[[Transaction, InboundChange, HospitalError], Awaitable[None]]
Keep = Callable[[Transaction, InboundChange, HospitalError], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class OutboundSubscription:
    """How events of one type are told to the HIS.

    load: the facts of many letters, by letter id, as they stand now; a letter left out has nothing
    to tell any more and counts as done.
    accepted: told in the transaction that finishes the letters, for example to note the HIS's id.
    rejected: told in a transaction of its own that settles the letter with what it does.
    """

    event_type: str
    load: Load
    accepted: OnAccepted | None = None
    rejected: OnRejected | None = None


@dataclass(frozen=True, slots=True)
class InboundSubscription:
    """How changes of one kind from the HIS are applied.

    apply: does its work in the transaction that finishes the letter. It has to ignore what it has
    already seen or what is older than what stands (versions).
    refused: tells the HIS of a refusal that came after its message had been acknowledged.
    at_once: the HIS waits for the decision in the acknowledgement.
    keep: what cannot be applied is kept for a person where nobody waits for the answer any more. Tells whether it
    stands at the HIS meanwhile; if not, the HIS is refused as usual.
    """

    kind: InboundKind
    apply: Apply
    refused: OnRefused | None = None
    at_once: bool = False
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Everything that features have subscribed to."""

    outbound: Mapping[str, OutboundSubscription] = field(default_factory=dict)
    inbound: Mapping[InboundKind, InboundSubscription] = field(default_factory=dict)
    comparers: Sequence[DayComparer] = ()

    @classmethod
    def join(
        cls,
        *,
        outbound: Iterable[OutboundSubscription] = (),
        inbound: Iterable[InboundSubscription] = (),
        comparers: Iterable[DayComparer] = (),
    ) -> "Subscriptions":
        """Index subscriptions; two features for one event are a mistake of ours."""
        sending = list(outbound)
        receiving = list(inbound)
        by_event = {one.event_type: one for one in sending}
        by_kind = {one.kind: one for one in receiving}
        assert len(by_event) == len(sending), "two features tell the HIS of one event type"
        assert len(by_kind) == len(receiving), "two features apply one kind of inbound change"
        return cls(by_event, by_kind, tuple(comparers))
