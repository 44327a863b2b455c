"""The cashier's window: money taken for an order, and money handed back."""

from typing import Final

from kernel.db import database
from open_api.administration.entries import WRITE_ERRORS
from open_api.calls import PartnerCall, Reply, ok
from open_api.payments.rendering import render_order, render_refund
from open_api.routing import Routes
from payments import attempts, errors, queries, refunds
from payments.gateways.port import ChannelCode
from payments.inpatient import discharge

routes: Final = Routes("administration: cashier", staff_only=True, operation_class="sensitive")
_WRITE: Final = "cashier.write"


@routes.post(
    "/administration/cashier/orders/<order_id:uuid>/payment",
    scope=_WRITE,
    request="finance/window_payment.json",
    response="payments/order.json",
    errors=[
        errors.OrderNotFound,
        errors.OrderNotOpen,
        errors.ChannelNotOffered,
        errors.WrongAmount,
        errors.TransactionKnown,
        errors.TooManyAttempts,
        *WRITE_ERRORS,
    ],
)
async def record_window_payment(call: PartnerCall) -> Reply:
    """Record what was taken for an order: cash, or a card whose terminal printed a slip. Other ways to pay it end."""
    body = call.body
    order = await attempts.record_window_payment(
        call.path["order_id"],
        channel=ChannelCode(body["channel"]),
        amount_fen=int(body["amount_fen"]),
        slip_no=body.get("slip_no"),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(await render_order(order))


@routes.post(
    "/administration/cashier/refunds/<refund_id:uuid>/hand-over",
    scope=_WRITE,
    request="finance/hand_over.json",
    response="payments/refund.json",
    errors=[errors.RefundNotFound, errors.RefundNotWaiting, *WRITE_ERRORS],
)
async def hand_refund_over(call: PartnerCall) -> Reply:
    """Record that a refund was handed over in cash, or that the terminal has put it back on the card."""
    await attempts.record_window_refund(
        call.path["refund_id"], slip_no=call.body.get("slip_no"), actor=call.actor, idempotency=call.idempotency
    )
    refund = await refunds.read_refund(database(), call.path["refund_id"], call.actor)
    call.patient_ids += await queries.patients_of_orders(database(), [refund.order_id])
    return ok(render_refund(refund))


@routes.post(
    "/administration/cashier/payouts/<payout_id:uuid>/pay",
    scope=_WRITE,
    request="finance/payout_proof.json",
    response="finance/payout_paid.json",
    errors=[errors.PayoutNotFound, errors.PayoutRecorded, *WRITE_ERRORS],
)
async def record_payout(call: PartnerCall) -> Reply:
    """Record that what was owed was given back, in cash or by transfer, and what proves it."""
    await discharge.record_payout(
        call.path["payout_id"], proof=call.body["proof"], actor=call.actor, idempotency=call.idempotency
    )
    return ok({"id": call.path["payout_id"], "proof": call.body["proof"]})
