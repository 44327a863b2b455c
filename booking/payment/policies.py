"""When the registration fee is paid: pure decisions on a slot's policy, and the hospital's terms.

`at-booking`: a number is had by paying; `later`: it may be paid until the visit; `at-window`: the hospital's staff
takes it on the day; `none`: nothing is paid. A follow-up, and a number without a fee, always cost nothing. Members of
staff take money themselves, so at their windows `at-booking` means `at-window`.
"""

from typing import NamedTuple

from booking.facts import SlotFacts
from booking.payment.errors import FeeDiffers, NothingToPay, PayAtWindow, PaymentRequired
from kernel.db import Transaction
from kernel.events import Actor


class Terms(NamedTuple):
    """The hospital's terms. pay_seconds: how long a hold lasts from its order on, at least.

    reschedule: `same-fee`, or `refund-difference` when the new time costs less.
    """

    pay_seconds: int
    reschedule: str
    follow_up_wants_payment: bool


async def read_terms(tx: Transaction) -> Terms:
    """Read the hospital's terms."""
    row = await tx.fetchrow("SELECT pay_seconds, reschedule, follow_up_wants_payment FROM registration_payment_terms")
    assert row is not None, "the terms are always there"
    return Terms(*row.values())


def pays_first(slot: SlotFacts, actor: Actor) -> bool:
    """Tell whether this caller's patients have a number of the slot only by paying."""
    return slot.payment_policy == "at-booking" and slot.fee_fen > 0 and _is_for_patients(actor)


def require_no_payment_first(slot: SlotFacts, actor: Actor) -> None:
    """Let a number be booked without a payment only where the policy allows that.

    Raises:
        PaymentRequired.
    """
    if pays_first(slot, actor):
        raise PaymentRequired


def require_payable(policy: str, *, fee_fen: int, actor: Actor) -> None:
    """Let an order be made only for a fee that is paid here and now.

    Raises:
        NothingToPay, PayAtWindow.
    """
    if fee_fen == 0 or policy == "none":
        raise NothingToPay
    if policy == "at-window" and _is_for_patients(actor):
        raise PayAtWindow


def require_same_fee(terms: Terms, *, paid_fen: int, fee_fen: int) -> None:
    """Let a patient move a paid number only as far as the hospital's terms go.

    Raises:
        FeeDiffers.
    """
    if fee_fen != paid_fen and terms.reschedule == "same-fee":
        raise FeeDiffers(paid_fen=paid_fen, fee_fen=fee_fen)


def _is_for_patients(actor: Actor) -> bool:
    """Tell whether patients book for themselves here: no member of staff, no system of ours, not the HIS."""
    return actor.staff_code is None and (actor.acts_for_the_public or actor.kind == "internal")
