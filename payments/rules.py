"""The hospital's own rules of money: when a refund wants two persons, and how often is asked before a person is."""

from typing import Any, Final, NamedTuple

from kernel.audit import record_change
from kernel.db import Reader, Transaction
from kernel.events import Actor
from payments import errors

_COLUMNS: Final = "approval_above_fen, settlement_asks_max, close_tries_max, version"


class PaymentRule(NamedTuple):
    """The rules in force.

    approval_above_fen: refunds of more want a second person.
    settlement_asks_max, close_tries_max: asks of the HIS, and of a channel, after which a person is shown the case.
    """

    approval_above_fen: int
    settlement_asks_max: int
    close_tries_max: int
    version: int


async def read_rule(db: Reader) -> PaymentRule:
    """Give the rules in force.

    Raises:
        DatabaseUnavailable.
    """
    [row] = await db.fetch(f"SELECT {_COLUMNS} FROM payment_rule")  # noqa: S608  our own list of columns
    return PaymentRule(*row.values())


async def change_rule(
    tx: Transaction,
    *,
    version: int,
    actor: Actor,
    approval_above_fen: int | None = None,
    settlement_asks_max: int | None = None,
    close_tries_max: int | None = None,
) -> PaymentRule:
    """Change rules, from the version that was read; they hold from the next refund and the next ask on.

    Raises:
        StaffRequired: nobody is named.
        RuleChanged: somebody else has changed them meanwhile.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    before = await read_rule(tx)
    changed = await tx.execute(
        "UPDATE payment_rule SET approval_above_fen = coalesce($2, approval_above_fen),"
        " settlement_asks_max = coalesce($3, settlement_asks_max), close_tries_max = coalesce($4, close_tries_max),"
        " version = version + 1 WHERE version = $1",
        version,
        approval_above_fen,
        settlement_asks_max,
        close_tries_max,
    )
    if not changed:
        raise errors.RuleChanged(current_version=before.version)
    after = await read_rule(tx)
    await record_change(
        tx,
        entity="payment_rule",
        entity_id="hospital",
        action="updated",
        before=_shown(before),
        after=_shown(after),
        actor=actor,
    )
    return after


def _shown(rule: PaymentRule) -> dict[str, Any]:
    return rule._asdict()
