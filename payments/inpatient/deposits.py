"""Deposits of inpatients: what may be paid in advance, and its order.

Guangdong lets a hospital ask for no more in advance than patients of the same condition pay themselves on average
(since 30 June 2025). The HIS names a stay's department and no condition, so the hospital sets its cap by department,
and one for all others.
"""

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from integration.his.billing import Stay, StayStatus
from kernel import clock
from kernel.audit import record_change
from kernel.db import Reader, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from payments import errors, orders
from payments.inpatient.stays import lock_account, read_stay
from payments.orders import PAY_FOR_DEFAULT, NewOrder, Order

KIND: Final = "deposit"
SUBJECT: Final = "admission"
TITLE: Final = "住院预交金"
RULES_MAX: Final = 1_000


class DepositRule(NamedTuple):
    """What a department takes in advance, in fen; department_code None: every other one.

    maximum_fen: of one payment. cap_fen: of a stay altogether, less what was given back.
    """

    department_code: str | None
    minimum_fen: int
    maximum_fen: int
    cap_fen: int


class KeptDepositRule(NamedTuple):
    """A deposit rule as it stands, with the version by which a change says what it was made from."""

    department_code: str | None
    minimum_fen: int
    maximum_fen: int
    cap_fen: int
    version: int


class DepositBounds(NamedTuple):
    """What may be deposited for a stay now, in fen; 0 and 0: nothing more."""

    minimum_fen: int
    maximum_fen: int


async def read_bounds(patient_id: UUID, admission_no: str) -> DepositBounds:
    """Say what a person may deposit for their stay now.

    Raises:
        StayNotFound, StayNotOpen, PatientNotLinked, HisUnavailable, HisDisagrees, DatabaseUnavailable.
    """
    stay = await read_stay(patient_id, admission_no)
    _require_admitted(stay)
    return await _bounds(database(), stay)


async def order_deposit(
    patient_id: UUID,
    admission_no: str,
    amount_fen: int,
    *,
    actor: Actor,
    campus_id: UUID | None = None,
    pay_for: timedelta = PAY_FOR_DEFAULT,
    idempotency: Idempotency | None = None,
) -> Order:
    """Make an order for a deposit of a stay that goes on; a stay may have several.

    Raises:
        StayNotFound, StayNotOpen.
        DepositOutOfBounds: less, or with what is deposited or being paid more, than the hospital takes.
        PatientNotLinked, HisUnavailable, HisDisagrees, IdempotencyMismatch, DatabaseUnavailable.
    """
    if idempotency:
        async with database().transaction() as tx:
            if stored := await idempotency.replay(tx):
                return await orders.read_order(tx, UUID(stored["order_id"]), actor)
    stay = await read_stay(patient_id, admission_no)
    _require_admitted(stay)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await orders.read_order(tx, UUID(stored["order_id"]), actor)
        await lock_account(tx, stay, patient_id)
        bounds = await _bounds(tx, stay)
        if not bounds.minimum_fen <= amount_fen <= bounds.maximum_fen or bounds.maximum_fen == 0:
            raise errors.DepositOutOfBounds(minimum_fen=bounds.minimum_fen, maximum_fen=bounds.maximum_fen)
        order = await orders.open_order(
            tx,
            NewOrder(
                kind=KIND,
                subject_kind=SUBJECT,
                subject_id=admission_no,
                patient_id=patient_id,
                amount_fen=amount_fen,
                title=TITLE,
                campus_id=campus_id,
                is_exclusive=False,
                expires_at=clock.now() + pay_for,
            ),
            actor=actor,
        )
        await tx.execute(
            "INSERT INTO inpatient_deposit (order_id, admission_no) VALUES ($1, $2)", order.id, admission_no
        )
        if idempotency:
            await idempotency.remember(tx, {"order_id": str(order.id)})
        return order


async def list_deposits(db: Reader, admission_no: str) -> list[Order]:
    """List the orders of deposits of a stay, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    return [order for order in await orders.orders_of_subject(db, SUBJECT, admission_no) if order.kind == KIND]


async def read_rules(db: Reader) -> list[KeptDepositRule]:
    """List what is taken in advance: for every other department first, then department by department.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT department_code, minimum_fen, maximum_fen, cap_fen, version FROM deposit_rule"
        " ORDER BY department_code NULLS FIRST LIMIT $1",
        RULES_MAX,
    )
    return [KeptDepositRule(*row.values()) for row in rows]


async def save_rule(tx: Transaction, rule: DepositRule, *, version: int | None = None, actor: Actor) -> None:
    """Set what a department, or every other one, takes in advance.

    version: of the rule as it was read, 0 where there was none; None: whatever it is.

    Raises:
        RuleChanged: somebody else has changed it meanwhile.
    """
    before = await tx.fetchrow(
        "SELECT * FROM deposit_rule WHERE department_code IS NOT DISTINCT FROM $1 FOR UPDATE", rule.department_code
    )
    current = before["version"] if before else 0
    saved = version is None or version == current
    saved = saved and bool(
        await tx.execute(
            "INSERT INTO deposit_rule AS r (id, department_code, minimum_fen, maximum_fen, cap_fen)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (department_code) DO UPDATE SET minimum_fen = $3,"
            " maximum_fen = $4, cap_fen = $5, version = r.version + 1 WHERE r.version = $6",
            new_id(),
            *rule,
            current,
        )
    )
    if not saved:
        raise errors.RuleChanged(current_version=current)
    await record_change(
        tx,
        entity="deposit_rule",
        entity_id=rule.department_code or "hospital",
        action="updated" if before else "created",
        before=None if before is None else {name: before[name] for name in rule._fields},
        after=rule._asdict(),
        actor=actor,
    )


def _require_admitted(stay: Stay) -> None:
    if stay.status is not StayStatus.ADMITTED:
        raise errors.StayNotOpen(current_status=stay.status.value)


async def _bounds(db: Reader, stay: Stay) -> DepositBounds:
    """Count what was deposited: by our own orders, paid or not yet, and at the HIS's window, as the HIS tells."""
    rows = await db.fetch(
        "SELECT minimum_fen, maximum_fen, cap_fen FROM deposit_rule"
        " WHERE department_code = $1 OR department_code IS NULL ORDER BY department_code NULLS LAST LIMIT 1",
        stay.department_code,
    )
    minimum_fen, maximum_fen, cap_fen = rows[0].values()
    ours = await db.fetch(
        "SELECT coalesce(sum(o.amount_fen - o.refunded_fen), 0)::bigint AS fen FROM inpatient_deposit d"
        " JOIN payment_order o ON o.id = d.order_id"
        " WHERE d.admission_no = $1 AND o.status IN ('open', 'closing', 'paid', 'settled')",
        stay.admission_no,
    )
    window_fen = sum(one.amount_fen - one.returned_fen for one in stay.deposits if one.number is None)
    left = min(maximum_fen, cap_fen - window_fen - ours[0]["fen"])
    return DepositBounds(minimum_fen, left) if left >= minimum_fen else DepositBounds(0, 0)
