"""Refunds: money that goes back, to where it came from."""

from typing import Final
from uuid import UUID

from kernel.db import DatabaseUnavailable, database
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.payments.rendering import render_refund
from open_api.routing import Routes
from payments import errors, queries, refunds
from payments.queries import RefundFilter
from payments.refunds import Ask

routes: Final = Routes("refunds", described_by=__name__)
_LIST: Final = "refunds"


@routes.post(
    "/refunds",
    scope="refunds.write",
    request="payments/refund_request.json",
    response="payments/refund.json",
    errors=[
        errors.OrderNotFound,
        errors.NotRefundable,
        errors.RefundByCancelling,
        errors.OverRefundable,
        errors.RefundLimitPassed,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def request_refund(call: PartnerCall) -> Reply:
    """Ask for a settled order's money, or part of it. The HIS has to agree; above a limit a second person too."""
    body = call.body
    refund = await refunds.request_refund(
        parse_id(body["order_id"]),
        amount_fen=int(body["amount_fen"]) if "amount_fen" in body else None,
        ask=Ask(reason=body["reason"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    call.patient_ids += await queries.patients_of_orders(database(), [refund.order_id])
    return created(render_refund(refund), location=f"/open/v1/refunds/{refund.id}")


@routes.get(
    "/refunds",
    scope="payments.read",
    query="payments/refund_query.json",
    response="payments/refund_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_refunds(call: PartnerCall) -> Reply:
    """List the refunds of your application's orders (everybody's, for the hospital's own), the newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await queries.list_refunds(
        database(),
        RefundFilter(order_id=parse_id(query["order_id"]) if "order_id" in query else None, status=query.get("status")),
        actor=call.actor,
        before=UUID(str(read_cursor(_LIST, query["cursor"])[0])) if "cursor" in query else None,
        limit=limit + 1,
    )
    shown = found[:limit]
    call.patient_ids += await queries.patients_of_orders(database(), [refund.order_id for refund in shown])
    return page(
        [render_refund(refund) for refund in shown],
        next_cursor=write_cursor(_LIST, str(shown[-1].id)) if len(found) > limit else None,
    )


@routes.get(
    "/refunds/<refund_id:uuid>",
    scope="payments.read",
    response="payments/refund.json",
    errors=[errors.RefundNotFound, DatabaseUnavailable],
)
async def get_refund(call: PartnerCall) -> Reply:
    """Read how a refund stands."""
    refund = await refunds.read_refund(database(), call.path["refund_id"], call.actor)
    call.patient_ids += await queries.patients_of_orders(database(), [refund.order_id])
    return ok(render_refund(refund))
