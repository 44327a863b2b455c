"""Signing in from the mini-program with WeChat, and no longer."""

from dataclasses import replace

from oauth.sign_in import wechat
from oauth.sign_in.errors import (
    HolderUnsure,
    InvalidPhone,
    MethodNotOffered,
    SignInRefused,
    TooManyAttempts,
    WeChatBoundElsewhere,
    WeChatUnavailable,
)
from oauth.sign_in.wechat import Ticket
from open_api.calls import Reply
from patient_app.calls import PatientCall
from patient_app.routing import NO_CONTENT, Routes
from patient_app.sessions import hand_over, signed_in

routes = Routes("sessions")


@routes.post(
    "/sessions/wechat",
    request="app/wechat_sign_in_request.json",
    response="app/wechat_sign_in.json",
    errors=[SignInRefused, MethodNotOffered, WeChatUnavailable, TooManyAttempts],
    is_public=True,
)
async def sign_in_by_wechat(call: PatientCall) -> Reply:
    """Sign in with a code of `wx.login`; whom WeChat names for the first time gets a ticket, to show their number."""
    visit = replace(call.visit, token=call.body["device_secret"])
    outcome = await wechat.sign_in_by_login_code(call.body["code"], visit)
    if isinstance(outcome, Ticket):
        body = {"session": None, "ticket": outcome.text, "ticket_expires_at": outcome.expires_at}
        return Reply(body, 200, {"cache-control": "no-store"})
    handed = hand_over(outcome)
    return replace(handed, body={"session": handed.body, "ticket": None, "ticket_expires_at": None})


@routes.post(
    "/sessions/wechat/phone",
    request="app/wechat_phone_request.json",
    response="app/session.json",
    errors=[
        SignInRefused,
        HolderUnsure,
        InvalidPhone,
        MethodNotOffered,
        WeChatBoundElsewhere,
        WeChatUnavailable,
        TooManyAttempts,
    ],
    is_public=True,
)
async def sign_in_by_wechat_phone(call: PatientCall) -> Reply:
    """Sign in with a ticket and a code of `getPhoneNumber`; a number that is new here gets a new account."""
    visit = replace(call.visit, token=call.body["device_secret"])
    account_id, tokens = await wechat.sign_in_by_phone(call.body["ticket"], call.body["phone_code"], visit)
    return await signed_in(account_id, tokens, privacy_version=call.body["privacy_version"])


@routes.post(
    "/session/confirmations/wechat",
    request="app/wechat_confirmation_request.json",
    errors=[SignInRefused, MethodNotOffered, WeChatUnavailable, TooManyAttempts],
)
async def confirm_session_by_wechat(call: PatientCall) -> Reply:
    """Confirm with a code of `wx.login` that it is a WeChat user of the account; as with a code to its telephone."""
    await wechat.confirm_by_login_code(call.session, call.body["code"], call.visit)
    return Reply(None, NO_CONTENT)


@routes.delete("/account/wechat")
async def unbind_wechat(call: PatientCall) -> Reply:
    """Let no WeChat user sign in to the account any more, and write to none; sessions go on until they are ended."""
    await wechat.unbind_wechat(call.account_id, call.visit)
    return Reply(None, NO_CONTENT)
