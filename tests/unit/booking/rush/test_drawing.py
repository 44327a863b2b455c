"""The draw: uniform, steered by nobody, and checked by the standard library alone."""

import hashlib
import hmac
import random
from collections import Counter
from uuid import UUID

from booking.rush.drawing import SEED_BYTES, commitment_of, new_seed, order_tickets

TICKETS = [UUID(int=number) for number in range(1, 13)]


def test_the_order_is_uniform() -> None:
    """Chi-squared of (ticket, place) over many draws with fixed seeds; 121 degrees of freedom, 0.1% lies above 175."""
    seeds, draws = random.Random(20_261_125), 3_000
    seen: Counter[tuple[UUID, int]] = Counter()
    for _ in range(draws):
        order = order_tickets(seeds.randbytes(SEED_BYTES), dict.fromkeys(TICKETS, False))
        seen.update((ticket, place) for place, ticket in enumerate(order))
    expected = draws / len(TICKETS)
    statistic = sum((seen[ticket, place] - expected) ** 2 for ticket in TICKETS for place in range(12)) / expected
    assert statistic < 175


def test_a_third_party_checks_the_order_with_hashlib_and_hmac_alone() -> None:
    seed = bytes(range(32))
    ids = [str(ticket) for ticket in TICKETS]
    key = hmac.new(seed, "\n".join(sorted(ids)).encode(), hashlib.sha256).digest()
    ranked = sorted(ids, key=lambda one: hmac.new(key, one.encode(), hashlib.sha256).digest())

    assert hashlib.sha256(seed).digest() == commitment_of(seed)
    assert [str(ticket) for ticket in order_tickets(seed, dict.fromkeys(TICKETS, False))] == ranked


def test_one_more_ticket_makes_another_order_of_all() -> None:
    """So whoever knows the seed does not know the order before the last one has joined."""
    seed = bytes(range(32))
    order = order_tickets(seed, dict.fromkeys(TICKETS[:-1], False))
    longer = [ticket for ticket in order_tickets(seed, dict.fromkeys(TICKETS, False)) if ticket != TICKETS[-1]]
    assert sorted(order) == sorted(longer)
    assert order != longer


def test_it_does_not_matter_who_is_named_first() -> None:
    seed = new_seed()
    forwards = order_tickets(seed, dict.fromkeys(TICKETS, False))
    assert forwards == order_tickets(seed, dict.fromkeys(reversed(TICKETS), False))
    assert new_seed() != seed


def test_who_stands_behind_stands_behind_everybody() -> None:
    behind = set(TICKETS[:5])
    order = order_tickets(new_seed(), {ticket: ticket in behind for ticket in TICKETS})
    assert set(order[-5:]) == behind
