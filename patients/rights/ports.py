"""What the features have of an account: to give it a copy, to say what stands in its way, to erase what is its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel.db import Reader, Transaction

ROWS_MAX: Final = 10_000
"""Of one part of a copy; a part that has more says so."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a copy, as its reader finds it in the index.

    read: gives rows of the account (first id) and of those it acts for, ROWS_MAX + 1 at most, as plain values.
    """

    name: str
    zh: str
    en: str
    read: Callable[[Reader, UUID, Sequence[UUID]], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that has to be settled before an account can go, named by kind and id."""

    kind: str
    id: UUID
    patient_id: UUID


FindObstacles = Callable[[Reader, UUID], Awaitable[Sequence[Obstacle]]]
Erase = Callable[[Transaction, UUID], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that the features have, put together at start-up."""

    parts: tuple[Part, ...] = ()
    obstacles: tuple[FindObstacles, ...] = ()
    erasers: tuple[Erase, ...] = ()


_holdings = Holdings()


def set_holdings(holdings: Holdings) -> None:
    """Say at start-up what there is."""
    global _holdings  # noqa: PLW0603  one list a process, set at start-up
    _holdings = holdings


def holdings() -> Holdings:
    """Give what there is."""
    return _holdings
