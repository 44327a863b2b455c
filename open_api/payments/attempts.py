"""Payments: one try each to pay an order by one channel."""

from typing import Final

from kernel.db import DatabaseUnavailable, database
from kernel.idempotency import IdempotencyMismatch
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.payments.rendering import LIVE, render_payment
from open_api.routing import Routes
from payments import attempts, errors, orders, queries
from payments.asking import ask_now
from payments.gateways.port import ChannelCode, Scene

routes: Final = Routes("payments", described_by=__name__)


@routes.post(
    "/orders/<order_id:uuid>/payments",
    scope="payments.write",
    request="payments/payment_request.json",
    response="payments/payment.json",
    errors=[
        errors.OrderNotFound,
        errors.OrderNotOpen,
        errors.OrderEnding,
        errors.ChannelNotOffered,
        errors.PayerRequired,
        errors.TooManyAttempts,
        errors.ChannelSilent,
        errors.RefusedByChannel,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def start_payment(call: PartnerCall) -> Reply:
    """Begin to pay an order: the answer has what the mini-program's own call takes, or the code that a kiosk shows."""
    body = call.body
    attempt = await attempts.start_attempt(
        call.path["order_id"],
        channel=ChannelCode(body["channel"]),
        scene=Scene(body["scene"]),
        payer=body.get("payer"),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    call.patient_ids += await queries.patients_of_orders(database(), [attempt.order_id])
    return created(render_payment(attempt), location=f"/open/v1/payments/{attempt.id}")


@routes.get(
    "/orders/<order_id:uuid>/payments",
    scope="payments.read",
    response="payments/payment_list.json",
    errors=[errors.OrderNotFound, DatabaseUnavailable],
)
async def list_payments(call: PartnerCall) -> Reply:
    """List the tries to pay an order, the oldest first."""
    order = await orders.read_order(database(), call.path["order_id"], call.actor)
    call.patient_ids.append(order.patient_id)
    found = await attempts.list_attempts(database(), order.id)
    return ok({"items": [render_payment(attempt) for attempt in found]})


@routes.get(
    "/payments/<payment_id:uuid>",
    scope="payments.read",
    response="payments/payment.json",
    errors=[errors.AttemptNotFound, DatabaseUnavailable],
)
async def get_payment(call: PartnerCall) -> Reply:
    """Read how a payment stands; while nobody has told us, the channel is asked, at most every five seconds."""
    attempt, patient_id = await queries.read_attempt(database(), call.path["payment_id"], call.actor)
    call.patient_ids.append(patient_id)
    if attempt.status in LIVE:
        await ask_now(attempt.id)
        attempt, _ = await queries.read_attempt(database(), attempt.id, call.actor)
    return ok(render_payment(attempt))
