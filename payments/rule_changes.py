"""Changing the rules of money takes two persons: one proposes, another one puts it in force (docs/adr/0329).

The rules say from which amount on a refund wants a second person, and what may be paid in advance; whoever could change
them alone could take the second person away first.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from payments import errors
from payments.inpatient.deposits import DepositRule, read_rules, save_rule
from payments.rules import change_rule, read_rule

HOSPITAL: Final = "*"
"""The subject of what holds for the whole hospital."""
RuleName = Literal["payment", "deposit"]


class RuleChange(NamedTuple):
    """A change of a rule; `terms` is what changes.

    subject: a department's code, or `*`: every other department, or the whole hospital.
    from_version: of the rule as the proposer read it; 0: there was none.
    """

    id: UUID
    rule: str
    subject: str
    from_version: int
    terms: Mapping[str, Any]
    reason: str
    status: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class Proposal(NamedTuple):
    """What somebody wants to be changed.

    terms: for `payment` any of its fields; for `deposit` all three amounts.
    """

    rule: RuleName
    subject: str
    from_version: int
    terms: Mapping[str, int]
    reason: str


_COLUMNS: Final = ", ".join(RuleChange._fields)


async def propose_change(proposal: Proposal, *, actor: Actor, idempotency: Idempotency | None = None) -> RuleChange:
    """Propose a change of a rule, from the version that was read; it holds once somebody else has approved it.

    Raises:
        StaffRequired: nobody is named.
        RuleChanged: the rule is not any more as it was read.
        RuleTermsDisagree: a minimum is above its maximum or the cap.
        RuleChangeWaiting: a change of this rule waits already.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    try:
        async with database().transaction() as tx:
            if idempotency and (stored := await idempotency.replay(tx)):
                return await read_change(tx, UUID(stored["change_id"]))
            current = await _version(tx, proposal.rule, proposal.subject)
            if current != proposal.from_version:
                raise errors.RuleChanged(current_version=current)
            _require_order(proposal.rule, proposal.terms)
            row = await tx.fetchrow(
                "INSERT INTO money_rule_change (id, rule, subject, from_version, terms, reason, status, proposed_by,"  # noqa: S608  our own list of columns
                f" proposed_at) VALUES ($1, $2, $3, $4, $5, $6, 'proposed', $7, $8) RETURNING {_COLUMNS}",
                new_id(),
                proposal.rule,
                proposal.subject,
                proposal.from_version,
                dict(proposal.terms),
                proposal.reason,
                actor.staff_code,
                clock.now(),
            )
            assert row is not None, "an INSERT gives its row"
            if idempotency:
                await idempotency.remember(tx, {"change_id": str(row["id"])})
            return RuleChange(*row.values())
    except asyncpg.UniqueViolationError as error:
        raise errors.RuleChangeWaiting from error


async def approve_change(change_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> RuleChange:
    """Put a change in force that somebody else has proposed; it is in the record of changes as the approver's.

    Raises:
        StaffRequired: nobody is named.
        RuleChangeNotFound, RuleChangeDecided.
        SecondPersonRequired: one's own proposal.
        RuleChanged: the rule is not any more as the proposer read it; decline it.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _decide(change_id, "approved", actor=actor, idempotency=idempotency)


async def decline_change(change_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> RuleChange:
    """Decline a change that somebody else has proposed: the rule stays as it is.

    Raises:
        StaffRequired, RuleChangeNotFound, RuleChangeDecided, SecondPersonRequired, IdempotencyMismatch,
        DatabaseUnavailable.
    """
    return await _decide(change_id, "declined", actor=actor, idempotency=idempotency)


async def read_change(db: Reader, change_id: UUID) -> RuleChange:
    """Read a change.

    Raises:
        RuleChangeNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM money_rule_change WHERE id = $1", change_id)  # noqa: S608  our own list of columns
    if not rows:
        raise errors.RuleChangeNotFound
    return RuleChange(*rows[0].values())


async def list_rule_changes(db: Reader, *, status: str | None, before: UUID | None, limit: int) -> list[RuleChange]:
    """List changes, the newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM money_rule_change WHERE ($1::text IS NULL OR status = $1)"  # noqa: S608  our own list of columns
        " AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        status,
        before,
        limit,
    )
    return [RuleChange(*row.values()) for row in rows]


async def _decide(
    change_id: UUID, status: Literal["approved", "declined"], *, actor: Actor, idempotency: Idempotency | None
) -> RuleChange:
    if actor.staff_code is None:
        raise errors.StaffRequired
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return await read_change(tx, change_id)
        row = await tx.fetchrow(
            f"SELECT {_COLUMNS} FROM money_rule_change WHERE id = $1 FOR UPDATE",  # noqa: S608  our own list of columns
            change_id,
        )
        if row is None:
            raise errors.RuleChangeNotFound
        if row["status"] != "proposed":
            raise errors.RuleChangeDecided(current_status=row["status"])
        if row["proposed_by"] == actor.staff_code:
            raise errors.SecondPersonRequired
        if status == "approved":
            await _apply(tx, row, actor=actor)
        await tx.execute(
            "UPDATE money_rule_change SET status = $2, decided_by = $3, decided_at = $4"
            " WHERE id = $1 AND status = 'proposed'",
            change_id,
            status,
            actor.staff_code,
            clock.now(),
        )
        if idempotency:
            await idempotency.remember(tx, {"change_id": str(change_id)})
        return await read_change(tx, change_id)


async def _apply(tx: Transaction, change: Row, *, actor: Actor) -> None:
    """Raises: RuleChanged."""
    if change["rule"] == "payment":
        await change_rule(tx, version=change["from_version"], actor=actor, **change["terms"])
        return
    department = None if change["subject"] == HOSPITAL else change["subject"]
    await save_rule(tx, DepositRule(department, **change["terms"]), version=change["from_version"], actor=actor)


async def _version(tx: Transaction, rule: RuleName, subject: str) -> int:
    if rule == "payment":
        return (await read_rule(tx)).version
    department = None if subject == HOSPITAL else subject
    found = {one.department_code: one.version for one in await read_rules(tx)}
    return found.get(department, 0)


def _require_order(rule: RuleName, terms: Mapping[str, int]) -> None:
    """Raises: RuleTermsDisagree."""
    if rule == "deposit" and terms["minimum_fen"] > min(terms["maximum_fen"], terms["cap_fen"]):
        raise errors.RuleTermsDisagree
