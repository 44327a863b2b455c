"""The hospital changes its rules of money by name, and from what was read."""

import pytest

from kernel.audit import ChangeFilter, list_changes
from payments import errors, refunds, rules
from payments.refunds import Ask
from tests.factories.payments import CASHIER, PORTAL, PaymentsUnderTest


async def test_a_lower_limit_holds_for_the_next_refund(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    async with payments.db.transaction() as tx:
        before = await rules.read_rule(tx)
        with pytest.raises(errors.StaffRequired):
            await rules.change_rule(tx, version=before.version, actor=PORTAL, approval_above_fen=0)
        after = await rules.change_rule(tx, version=before.version, actor=CASHIER, approval_above_fen=1000)
        with pytest.raises(errors.RuleChanged) as refused:
            await rules.change_rule(tx, version=before.version, actor=CASHIER, approval_above_fen=0)
    assert after == before._replace(approval_above_fen=1000, version=before.version + 1)
    assert refused.value.details == {"current_version": after.version}

    asked = [
        await refunds.request_refund(order.id, amount_fen=fen, ask=Ask(reason="申请"), actor=CASHIER)
        for fen in (1000, 1001)
    ]
    assert [one.status for one in asked] == ["reversing", "requested"]
    [change] = await list_changes(ChangeFilter(entity="payment_rule"), before=None, limit=5)
    assert change.before is not None
    assert change.after is not None
    assert (change.before["approval_above_fen"], change.after["approval_above_fen"]) == (50_000, 1000)
    assert change.staff_code == "S0001"
