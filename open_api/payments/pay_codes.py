"""Pay codes: a relative pays an order without seeing more of it than that needs (亲友代付)."""

from typing import Final

from kernel.db import DatabaseUnavailable, database
from kernel.idempotency import IdempotencyMismatch
from open_api.calls import PartnerCall, Reply, ok
from open_api.payments.rendering import render_payment
from open_api.routing import Handling, Routes
from payments import errors, queries, relatives
from payments.gateways.port import ChannelCode, Scene

routes: Final = Routes("pay codes", described_by=__name__)


@routes.post(
    "/orders/<order_id:uuid>/pay-codes",
    scope="payments.write",
    response="payments/pay_code.json",
    errors=[
        errors.OrderNotFound,
        errors.OrderNotOpen,
        errors.OrderEnding,
        errors.TooManyPayCodes,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def make_pay_code(call: PartnerCall) -> Reply:
    """Make a code by which a relative may pay an open order. It is shown this once."""
    made = await relatives.make_pay_code(call.path["order_id"], actor=call.actor, idempotency=call.idempotency)
    call.patient_ids += await queries.patients_of_orders(database(), [call.path["order_id"]])
    return ok(made._asdict())


@routes.post(
    "/pay-codes/<pay_code_id:uuid>/revoke",
    scope="payments.write",
    response="payments/pay_code_revoked.json",
    errors=[errors.PayCodeNotFound, IdempotencyMismatch, DatabaseUnavailable],
)
async def revoke_pay_code(call: PartnerCall) -> Reply:
    """End a code before its time; a payment that was begun with it may still be made."""
    await relatives.revoke_pay_code(call.path["pay_code_id"], actor=call.actor, idempotency=call.idempotency)
    return ok({"id": call.path["pay_code_id"]})


@routes.post(
    "/pay-codes/lookup",
    scope="payments.read",
    request="payments/pay_code_lookup.json",
    response="payments/payable.json",
    errors=[errors.PayCodeNotFound, errors.PayCodeEnded, errors.PayCodeBusy, DatabaseUnavailable],
    safe=True,
    handling=Handling(operation_class="sensitive"),
)
async def show_payable(call: PartnerCall) -> Reply:
    """Show whoever has a code what they would pay: a title, an amount, and a name of which one character is shown."""
    shown = await relatives.show_payable(call.body["code"], address=_guesser(call))
    return ok({name: getattr(shown, name) for name in ("title", "amount_fen", "name", "status", "expires_at")})


@routes.post(
    "/pay-codes/pay",
    scope="payments.write",
    request="payments/pay_code_payment.json",
    response="payments/payment.json",
    errors=[
        errors.PayCodeNotFound,
        errors.PayCodeEnded,
        errors.PayCodeBusy,
        errors.OrderEnding,
        errors.ChannelNotOffered,
        errors.PayerRequired,
        errors.TooManyAttempts,
        errors.ChannelSilent,
        errors.RefusedByChannel,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def pay_by_code(call: PartnerCall) -> Reply:
    """Begin to pay a code's order; a second payment of an order that is paid already goes back by itself."""
    body = call.body
    attempt = await relatives.pay_by_code(
        body["code"],
        channel=ChannelCode(body["channel"]),
        scene=Scene(body["scene"]),
        payer=body.get("payer"),
        address=_guesser(call),
        idempotency=call.idempotency,
    )
    return ok(render_payment(attempt))


def _guesser(call: PartnerCall) -> str:
    """Name the device that tries codes; an application serves many people, whom one who guesses must not lock out."""
    return "" if call.actor.device_hash is None else call.actor.device_hash.hex()
