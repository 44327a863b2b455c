"""Orders and paying: what a member has to pay and has paid, and the way to the channels from a phone or browser."""

from typing import Any, Final
from uuid import UUID

from kernel.db import database
from oauth.sign_in.setup import sign_in
from oauth.sign_in.wechat import openid_of_session
from open_api.calls import Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from patient_app.calls import PatientCall
from patient_app.owned import own_order
from patient_app.pages import BACK_FROM_PAYING
from patient_app.routing import MEMBER, PREFIX, Routes
from patient_app.shown_orders import (
    names_for,
    render_bill,
    render_brief,
    render_items,
    render_receipt,
    render_refund,
    render_state,
    visits_of,
)
from patients import service as patients
from payments import asking, attempts, errors, orders, queries, refunds, relatives
from payments.attempts import Attempt, Browser
from payments.bills.service import KIND as BILLS
from payments.bills.snapshots import read_ordered_bills
from payments.gateways.port import ChannelCode, Scene
from payments.insurance import mixed
from payments.insurance.centres import centre_of
from payments.insurance.consents import Place, cashier_place
from payments.insurance.queries import Parts, parts_of_orders
from payments.insurance.shares import ask_now
from payments.merchants import channels_for
from payments.orders import Order
from payments.queries import OrderFilter
from payments.receipts.queries import list_receipts

routes = Routes("payments")

ORDER: Final = f"{MEMBER}/orders/<order_id:uuid>"
BY_PHONE: Final = (ChannelCode.WECHATPAY, ChannelCode.ALIPAY)
"""What a person pays by on their own device, in the order in which it is offered."""
_LIST: Final = "app-orders"


@routes.get(
    f"{MEMBER}/orders",
    query="app/order_query.json",
    response="app/order_list.json",
    errors=[InvalidCursor],
)
async def list_orders(call: PatientCall) -> Reply:
    """List what a member has paid or is to pay, the newest first, with how far money is that goes back."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    found = await queries.list_orders(
        database(),
        OrderFilter(patient_id=call.patient_id),
        actor=call.actor,
        before=UUID(str(read_cursor(_LIST, call.query["cursor"])[0])) if "cursor" in call.query else None,
        limit=limit + 1,
    )
    shown = found[:limit]
    visits = await visits_of(*shown)
    back = await refunds.refunds_of_orders(database(), [order.id for order in shown])
    parts = await parts_of_orders(database(), [order.id for order in shown])
    return page(
        [
            render_brief(one, visits.get(one.id), back.get(one.id, []), parts.get(one.id), call.language)
            for one in shown
        ],
        next_cursor=write_cursor(_LIST, str(shown[-1].id)) if len(found) > limit else None,
    )


@routes.get(ORDER, response="app/order.json", errors=[errors.OrderNotFound])
async def get_order(call: PatientCall) -> Reply:
    """Read an order with all that its screens show: what it is for, how to pay it, refunds, receipts, codes."""
    order = await own_order(call, call.path["order_id"])
    return ok(await _render(order, call))


@routes.get(f"{ORDER}/state", response="app/order_state.json", errors=[errors.OrderNotFound])
async def get_order_state(call: PatientCall) -> Reply:
    """Read how an order stands; the channel by which it was begun to be paid is asked, at most every five seconds.

    So is the insurance about its part.
    """
    order = await own_order(call, call.path["order_id"])
    if order.status in ("open", "closing"):
        order = await ask_channel(order, call)
    if order.kind == BILLS:
        await ask_now(centre_of, order.id)
    return ok(await _state(order))


@routes.post(
    f"{ORDER}/payments",
    request="app/payment_request.json",
    response="app/payment.json",
    errors=[
        errors.OrderNotFound,
        errors.OrderNotOpen,
        errors.OrderEnding,
        errors.ChannelNotOffered,
        errors.PayerRequired,
        errors.TooManyAttempts,
        errors.ChannelSilent,
        errors.RefusedByChannel,
    ],
    status=201,
)
async def start_payment(call: PatientCall) -> Reply:
    """Begin to pay an order: the answer is what WeChat's own sheet takes, or the channel's page, or a code to scan."""
    order = await own_order(call, call.path["order_id"])
    scene = Scene(call.body["scene"])
    attempt = await attempts.start_attempt(
        order.id,
        channel=ChannelCode(call.body["channel"]),
        scene=scene,
        # Who pays in the mini-program is who holds this phone, and never a client's word.
        payer=await openid_of_session(call.session.id) if scene is Scene.MINI_PROGRAM else None,
        browser=browser_of(call, f"order/{order.id}"),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(render_attempt(attempt), location=f"{PREFIX}/members/{call.patient_id}/orders/{order.id}/state")


@routes.post(f"{ORDER}/close", response="app/order_state.json", errors=[errors.OrderNotFound, errors.OrderNotOpen])
async def close_order(call: PatientCall) -> Reply:
    """Give an order up, so that what it was for is free again; money that comes all the same goes back."""
    order = await own_order(call, call.path["order_id"])
    closed = await orders.close_order(order.id, reason="cancelled", actor=call.actor, idempotency=call.idempotency)
    return ok(await _state(closed))


def browser_of(call: PatientCall, back: str) -> Browser | None:
    """Say where a payer's browser is, and where the channel leads it back to; None outside of browsers."""
    if call.body["scene"] != Scene.BROWSER.value:
        return None
    return Browser(call.visit.address, back_url(back))


def back_url(back: str) -> str:
    """Give the address at which a page of somebody else's leads back to the patients' pages."""
    return f"{sign_in().public_url}{BACK_FROM_PAYING}/{back}"


def render_attempt(attempt: Attempt) -> dict[str, Any]:
    """Shape what a device goes on with; nothing where the payment is over already."""
    prepared = attempt.prepared if attempt.prepared is not None and attempt.status in ("created", "prepared") else {}
    return {
        "id": attempt.id,
        "parameters": prepared.get("parameters") or None,
        "page_url": prepared.get("page_url"),
        "code_url": prepared.get("code_url"),
        "expires_at": attempt.expires_at,
    }


async def ask_channel(order: Order, call: PatientCall) -> Order:
    """Ask the channel of the latest try that is not over, and read the order again."""
    live = [one for one in await attempts.list_attempts(database(), order.id) if one.status in ("created", "prepared")]
    if not live:
        return order
    await asking.ask_now(live[-1].id)
    return await own_order(call, order.id)


async def _state(order: Order) -> dict[str, Any]:
    parts = await parts_of_orders(database(), [order.id])
    return render_state(order, (await visits_of(order)).get(order.id), parts.get(order.id))


async def _render(order: Order, call: PatientCall) -> dict[str, Any]:
    db = database()
    visit = (await visits_of(order)).get(order.id)
    back = await refunds.list_refunds(db, order.id)
    parts = (await parts_of_orders(db, [order.id])).get(order.id)
    taken = await channels_for(db, order.campus_id) if parts is None or parts.cash_fen else frozenset()
    person = await patients.get_patient(order.patient_id, actor=call.actor)
    return render_brief(order, visit, back, parts, call.language) | {
        "patient_name": person.name,
        "channels": [channel.value for channel in BY_PHONE if channel in taken],
        "insurance": parts and _insurance(order, parts, is_mixed=ChannelCode.WECHATPAY in taken),
        "bills": await _bills(order, call),
        "refunds": [render_refund(one) for one in back],
        "receipts": [render_receipt(one) for one in await list_receipts(db, order.id)],
        "pay_codes": [one._asdict() for one in await relatives.list_valid_codes(db, order.id)],
    }


def _insurance(order: Order, parts: Parts, *, is_mixed: bool) -> dict[str, Any]:
    """Say who pays what, and while somebody may agree to the insurance's part, where."""
    is_open = parts.status == "pending" and order.status in ("open", "paid")
    cashier = cashier_place(parts.centre_order_no, back_url=back_url(f"agreed/{order.id}")) if is_open else None
    shown = parts._asdict()
    del shown["centre_order_no"]
    return shown | {
        "is_by_one_password": is_mixed and mixed.is_connected(),
        "cashier": cashier and render_place(cashier),
    }


def render_place(place: Place) -> dict[str, Any]:
    """Shape where somebody agrees to something at the insurance."""
    return {"page_url": place.page_url, "mini_program": place.mini_program and place.mini_program._asdict()}


async def _bills(order: Order, call: PatientCall) -> list[dict[str, Any]]:
    """Give the bills of an order as their payer saw them, with the refund that each item was asked back with."""
    if order.kind != BILLS:
        return []
    found = await read_ordered_bills(database(), order.id, call.actor)
    names = await names_for(found)
    return [
        render_bill(bill, names, call.language)
        | {
            "items": [
                shown | {"refund_no": item.refund_no}
                for shown, item in zip(render_items(bill), bill.items, strict=True)
            ]
        }
        for bill in found
    ]
