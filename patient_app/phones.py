"""Changing the telephone number of one's account: with a code to the new one, or as WeChat knows it."""

from dataclasses import replace

from oauth.sign_in import phone_codes, throttle, wechat
from oauth.sign_in.errors import (
    InvalidPhone,
    MessageNotSent,
    MethodNotOffered,
    SignInRefused,
    StepUpNeeded,
    TooManyAttempts,
    WeChatUnavailable,
)
from oauth.sign_in.phone_codes import mask_phone
from oauth.sign_in.sessions import PHONE_CODE, require_step_up
from oauth.sign_in.throttle import Attempt
from open_api.calls import Reply, ok
from patient_app.account_rights import FRESH
from patient_app.calls import PatientCall
from patient_app.routing import Routes
from patient_app.sessions import read_challenge, send_code
from patients import phones
from patients.errors import AccountNotFound, PhoneInUse, PhoneUnchanged

routes = Routes("account")


@routes.post(
    "/account/phone/codes",
    request="app/phone_code_request.json",
    response="app/phone_code.json",
    errors=[StepUpNeeded, InvalidPhone, MethodNotOffered, MessageNotSent, TooManyAttempts],
)
async def send_change_code(call: PatientCall) -> Reply:
    """Send a code to the number that the account is to have; it is good for this account's change alone."""
    _require_holder(call)
    phone = phone_codes.read_phone(call.body["phone"])
    await throttle.take(phones.CODES, str(call.account_id))
    return await send_code(call, phone, purpose="change", bound_to=_binding(call))


@routes.put(
    "/account/phone",
    request="app/phone_change_request.json",
    response="app/phone_change.json",
    errors=[StepUpNeeded, SignInRefused, PhoneInUse, PhoneUnchanged, AccountNotFound, TooManyAttempts],
)
async def change_phone(call: PatientCall) -> Reply:
    """Give the account the number that the code came to; all other devices are signed out."""
    _require_holder(call)
    code_id, secret = read_challenge(call.body["challenge"])
    visit = replace(call.visit, token=_binding(call) + secret)
    phone, attempt = await phone_codes.use_code(code_id, call.body["code"], visit)
    return await _change(call, phone, attempt, method=PHONE_CODE.by)


@routes.put(
    "/account/phone/wechat",
    request="app/wechat_phone_change_request.json",
    response="app/phone_change.json",
    errors=[
        StepUpNeeded,
        SignInRefused,
        InvalidPhone,
        PhoneInUse,
        PhoneUnchanged,
        AccountNotFound,
        MethodNotOffered,
        WeChatUnavailable,
        TooManyAttempts,
    ],
)
async def change_phone_by_wechat(call: PatientCall) -> Reply:
    """Give the account the number that a code of `getPhoneNumber` shows; all other devices are signed out."""
    _require_holder(call)
    phone, attempt = await wechat.read_shown_phone(call.session, call.body["phone_code"], call.visit)
    return await _change(call, phone, attempt, method=wechat.WECHAT.by)


def _require_holder(call: PatientCall) -> None:
    """Raises: StepUpNeeded."""
    require_step_up(call.session, acr="aal1", max_age=FRESH)


def _binding(call: PatientCall) -> str:
    """What ties a code to this account's change: it signs nobody in, and no code for signing in changes a number."""
    return f"phone-change\n{call.account_id}\n"


async def _change(call: PatientCall, phone: str, attempt: Attempt, *, method: str) -> Reply:
    changed = await phones.change_phone(
        call.session, phone, attempt, call.visit, method=method, request_id=call.request_id
    )
    return ok({"phone": mask_phone(changed.phone), "ended": changed.ended})
