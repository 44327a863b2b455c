"""Pay codes: a member's order is paid by a relative, who needs no account and sees no more of it than that needs."""

from typing import Final

from kernel.db import database
from oauth.sign_in.errors import MethodNotOffered, SignInRefused, WeChatUnavailable
from oauth.sign_in.errors import TooManyAttempts as TooManySignIns
from oauth.sign_in.setup import sign_in
from oauth.sign_in.wechat import openid_of_login_code
from open_api.calls import Reply, ok
from patient_app.calls import PatientCall
from patient_app.owned import own_order, own_pay_code
from patient_app.pages import PLACE
from patient_app.payments import BY_PHONE, ORDER, browser_of, render_attempt
from patient_app.routing import MEMBER, Routes
from patient_app.shown_orders import TITLES
from payments import errors, relatives
from payments.gateways.port import ChannelCode, Scene
from payments.merchants import channels_for

routes = Routes("pay codes")

SCREEN: Final = "#/money/relative/relative?code="


@routes.post(
    f"{ORDER}/pay-codes",
    response="app/pay_code.json",
    errors=[errors.OrderNotFound, errors.OrderNotOpen, errors.OrderEnding, errors.TooManyPayCodes],
)
async def make_pay_code(call: PatientCall) -> Reply:
    """Make a code and a link by which a relative may pay an open order. They are shown this once."""
    order = await own_order(call, call.path["order_id"])
    made = await relatives.make_pay_code(
        order.id, actor=call.actor, account_id=call.account_id, idempotency=call.idempotency
    )
    return ok(made._asdict() | {"link": f"{sign_in().public_url}{PLACE}{SCREEN}{made.code}"})


@routes.delete(f"{MEMBER}/pay-codes/<pay_code_id:uuid>", errors=[errors.PayCodeNotFound])
async def revoke_pay_code(call: PatientCall) -> Reply:
    """End a code before its time; a payment that was begun with it may still be made."""
    known = await own_pay_code(call, call.path["pay_code_id"])
    await relatives.revoke_pay_code(
        known.id, actor=call.actor, account_id=call.account_id, idempotency=call.idempotency
    )
    return Reply(None, 204)


@routes.post(
    "/pay-codes/lookup",
    request="app/pay_code_lookup.json",
    response="app/payable.json",
    errors=[errors.PayCodeNotFound, errors.PayCodeEnded, errors.PayCodeBusy],
    is_public=True,
    safe=True,
)
async def show_payable(call: PatientCall) -> Reply:
    """Show whoever has a code what they would pay: what kind of thing, how much, and one character of a name."""
    shown = await relatives.show_payable(call.body["code"], address=call.visit.address)
    taken = await channels_for(database(), shown.campus_id)
    return ok(
        {
            "title": TITLES[shown.kind]["en" if call.language == "en" else "zh"],
            "amount_fen": shown.amount_fen,
            "name": shown.name,
            "status": shown.status,
            "expires_at": shown.expires_at,
            "channels": [channel.value for channel in BY_PHONE if channel in taken],
        }
    )


@routes.post(
    "/pay-codes/pay",
    request="app/pay_code_payment.json",
    response="app/payment.json",
    errors=[
        errors.PayCodeNotFound,
        errors.PayCodeEnded,
        errors.PayCodeBusy,
        errors.OrderNotOpen,
        errors.OrderEnding,
        errors.ChannelNotOffered,
        errors.PayerRequired,
        errors.TooManyAttempts,
        errors.ChannelSilent,
        errors.RefusedByChannel,
        MethodNotOffered,
        SignInRefused,
        TooManySignIns,
        WeChatUnavailable,
    ],
    is_public=True,
)
async def pay_by_code(call: PatientCall) -> Reply:
    """Begin to pay a code's order, as often as asked the same payment; a second one goes back by itself."""
    scene, login = Scene(call.body["scene"]), call.body.get("wechat_code")
    attempt = await relatives.pay_by_code(
        call.body["code"],
        channel=ChannelCode(call.body["channel"]),
        scene=scene,
        payer=await openid_of_login_code(login, call.visit) if login and scene is Scene.MINI_PROGRAM else None,
        # The code is a right to see and to pay: it is not told to the channel, the browser keeps it.
        browser=browser_of(call, "relative"),
        address=call.visit.address,
    )
    return ok(render_attempt(attempt))
