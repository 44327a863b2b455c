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
from payments.bills import service as bills
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
        errors.ItemNotRefundable,
        errors.RefundedTogether,
        errors.RefundLimitPassed,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def request_refund(call: PartnerCall) -> Reply:
    """Ask for a settled order's money, or that of some of its items. The HIS agrees first; above a limit, two do."""
    body = call.body
    order_id = parse_id(body["order_id"])
    if "item_nos" in body or await queries.kind_of(database(), order_id) == bills.KIND:
        refund = await bills.request_bill_refund(
            order_id,
            body.get("item_nos"),
            reason=body["reason"],
            actor=call.actor,
            idempotency=call.idempotency,
        )
    else:
        refund = await refunds.request_refund(
            order_id, amount_fen=None, ask=Ask(reason=body["reason"]), actor=call.actor, idempotency=call.idempotency
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
