"""Orders: what is to be paid, for whom, until when."""

from typing import Final
from uuid import UUID

from booking import errors as booking_errors
from booking.payment import errors as fee_errors
from integration.his.errors import HisDisagrees, HisUnavailable
from kernel.db import DatabaseUnavailable, database
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.payments.rendering import render_order, render_orders
from open_api.payments.subjects import order_for
from open_api.routing import Routes
from patients.errors import PatientNotFound
from payments import errors, orders, queries
from payments.insurance import errors as insurance_errors
from payments.queries import OrderFilter

routes: Final = Routes("orders", described_by=__name__)
_LIST: Final = "orders"


@routes.post(
    "/orders",
    scope="payments.write",
    request="payments/order_request.json",
    response="payments/order.json",
    errors=[
        booking_errors.HoldNotFound,
        booking_errors.HoldEnded,
        booking_errors.AppointmentNotFound,
        booking_errors.AppointmentNotActive,
        fee_errors.NothingToPay,
        fee_errors.PayAtWindow,
        PatientNotFound,
        errors.PatientNotLinked,
        errors.BillNotFound,
        errors.BillNotUnpaid,
        errors.BillChanged,
        errors.BillAlreadyOrdered,
        insurance_errors.InsuranceNotOffered,
        insurance_errors.NotInsured,
        insurance_errors.InsuranceSilent,
        insurance_errors.InsuranceRefused,
        insurance_errors.InsurancePaysNothing,
        errors.StayNotFound,
        errors.StayNotOpen,
        errors.DepositOutOfBounds,
        errors.NothingToPay,
        errors.SubjectAlreadyOrdered,
        errors.OrderEnding,
        HisUnavailable,
        HisDisagrees,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def create_order(call: PartnerCall) -> Reply:
    """Order what is to be paid: a held number or an appointment, bills, a deposit, or the rest of a stay's bill.

    With `insurance`, the medical insurance shares the bills: `amount_fen` is what it leaves.
    The patient agrees to the insurance's part at the insurance, by `centre_order_no`; the rest is paid as any order.
    """
    order = await order_for(call)
    return created(await render_order(order), location=f"/open/v1/orders/{order.id}")


@routes.get(
    "/orders",
    scope="payments.read",
    query="payments/order_query.json",
    response="payments/order_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_orders(call: PartnerCall) -> Reply:
    """List your application's orders (everybody's, for the hospital's own), the newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await queries.list_orders(
        database(),
        OrderFilter(
            patient_id=parse_id(query["patient_id"]) if "patient_id" in query else None,
            kind=query.get("kind"),
            status=query.get("status"),
            order_no=query.get("order_no"),
        ),
        actor=call.actor,
        before=UUID(str(read_cursor(_LIST, query["cursor"])[0])) if "cursor" in query else None,
        limit=limit + 1,
    )
    shown = found[:limit]
    return page(
        await render_orders(shown),
        next_cursor=write_cursor(_LIST, str(shown[-1].id)) if len(found) > limit else None,
    )


@routes.get(
    "/orders/<order_id:uuid>",
    scope="payments.read",
    response="payments/order.json",
    errors=[errors.OrderNotFound, DatabaseUnavailable],
)
async def get_order(call: PartnerCall) -> Reply:
    """Read an order: whether it can be paid, is paid, or what became of it."""
    return ok(await render_order(await orders.read_order(database(), call.path["order_id"], call.actor)))


@routes.post(
    "/orders/<order_id:uuid>/close",
    scope="payments.write",
    response="payments/order.json",
    errors=[errors.OrderNotFound, errors.OrderNotOpen, IdempotencyMismatch, DatabaseUnavailable],
)
async def close_order(call: PartnerCall) -> Reply:
    """Give an order up. `closing` until the channels have said that nobody pays it; money that comes still counts."""
    order = await orders.close_order(
        call.path["order_id"], reason="cancelled", actor=call.actor, idempotency=call.idempotency
    )
    return ok(await render_order(order))
