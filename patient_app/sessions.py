"""Signing in with a code by text message, going on with a refresh token, and looking through one's devices."""

import secrets
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from kernel.db import DatabaseUnavailable, database
from kernel.ids import parse_id
from oauth.sign_in import answers, app_sessions, phone_codes, sessions
from oauth.sign_in.app_sessions import Tokens
from oauth.sign_in.errors import (
    HolderNotKnown,
    HolderUnsure,
    InvalidPhone,
    MessageNotSent,
    MethodNotOffered,
    NotSignedIn,
    NotYours,
    SignInRefused,
    TooManyAttempts,
    WeChatBoundElsewhere,
)
from oauth.sign_in.setup import sign_in
from open_api.calls import Reply, ok
from patient_app.calls import PatientCall
from patient_app.cookie import REFRESH_PATH, drop_cookie, keep_cookie
from patient_app.routing import NO_CONTENT, Routes
from patients.accounts import read_phone
from patients.agreements import PRIVACY, agree
from patients.errors import PhoneMissing

routes = Routes("sessions")

SECRET_BYTES: Final = 32
RESEND_SECONDS: Final = int(phone_codes.RESEND_AFTER.per.total_seconds())


@routes.post(
    "/phone-codes",
    request="app/phone_code_request.json",
    response="app/phone_code.json",
    errors=[InvalidPhone, MethodNotOffered, MessageNotSent, TooManyAttempts],
    is_public=True,
)
async def send_phone_code(call: PatientCall) -> Reply:
    """Send a code to a telephone, good for five minutes on the phone or browser that asked for it."""
    return await send_code(call, phone_codes.read_phone(call.body["phone"]))


@routes.post(
    "/session/phone-codes",
    response="app/phone_code.json",
    errors=[PhoneMissing, InvalidPhone, MethodNotOffered, MessageNotSent, TooManyAttempts],
)
async def send_confirmation_code(call: PatientCall) -> Reply:
    """Send a code to the account's own telephone, to confirm before something sensitive that it is its owner."""
    phone = await read_phone(database(), call.account_id)
    if phone is None:
        raise PhoneMissing
    return await send_code(call, phone)


@routes.post(
    "/session/confirmations",
    request="app/confirmation_request.json",
    errors=[SignInRefused, TooManyAttempts],
)
async def confirm_session(call: PatientCall) -> Reply:
    """Confirm with the code that it is the owner: what wants a sign-in of the last ten minutes is open again."""
    code_id, secret = read_challenge(call.body["challenge"])
    await phone_codes.confirm_app_by_code(call.session, code_id, call.body["code"], replace(call.visit, token=secret))
    return Reply(None, NO_CONTENT)


@routes.post(
    "/sessions",
    request="app/session_request.json",
    response="app/session.json",
    errors=[SignInRefused, HolderUnsure, TooManyAttempts],
    is_public=True,
)
async def sign_in_by_code(call: PatientCall) -> Reply:
    """Sign in with the code; a telephone that is new here gets a new account."""
    code_id, secret = read_challenge(call.body["challenge"])
    account_id, tokens = await phone_codes.open_app_by_code(
        code_id, call.body["code"], replace(call.visit, token=secret), transport=call.body["transport"]
    )
    return await signed_in(account_id, tokens, privacy_version=call.body["privacy_version"])


@routes.post(
    "/sessions/answers",
    request="app/holder_answer.json",
    response="app/session.json",
    errors=[SignInRefused, HolderNotKnown, WeChatBoundElsewhere],
    is_public=True,
)
async def sign_in_by_answer(call: PatientCall) -> Reply:
    """Sign in with what only the account's holder knows, where the number was proved long ago; or begin anew."""
    account_id, tokens = await answers.open_by_answer(
        call.body["question"], call.body["ending"], call.visit, transport=call.body["transport"]
    )
    return await signed_in(account_id, tokens, privacy_version=call.body["privacy_version"])


@routes.post(
    REFRESH_PATH,
    request="app/refresh_request.json",
    response="app/session.json",
    errors=[NotSignedIn],
    is_public=True,
    reads_cookie=True,
)
async def refresh_session(call: PatientCall) -> Reply:
    """Give new tokens for the refresh token: a browser's comes as a cookie, a mini-program's in the body."""
    transport = call.body["transport"]
    assert call.cookie is not None, "the route reads it"
    token = call.cookie.token if transport == "cookie" else call.body.get("refresh_token")
    return hand_over(await app_sessions.refresh(token, call.visit, transport=transport))


@routes.delete("/session", errors=[DatabaseUnavailable])
async def sign_out(call: PatientCall) -> Reply:
    """End this session; its tokens are worth nothing from then on."""
    session = call.session
    await sessions.end_session(session.id, subject=session.subject, visit=call.visit, ending="signed_out")
    return Reply(None, NO_CONTENT, drop_cookie())


@routes.get("/sessions", response="app/session_list.json")
async def list_sessions(call: PatientCall) -> Reply:
    """List where the account is signed in, the last used first."""
    found = await sessions.list_sessions(call.session.subject)
    return ok(
        {
            "items": [
                {
                    "id": one.id,
                    "device": one.device or None,
                    "created_at": one.created_at,
                    "seen_at": one.seen_at,
                    "is_this": one.id == call.session.id,
                }
                for one in found
            ]
        }
    )


@routes.delete("/sessions/<session_id:uuid>", errors=[NotYours])
async def end_session(call: PatientCall) -> Reply:
    """End one session of the account, such as that of a phone that was lost."""
    await sessions.end_session(
        call.path["session_id"], subject=call.session.subject, visit=call.visit, ending="revoked"
    )
    return Reply(None, NO_CONTENT)


@routes.post("/sessions/end-others", response="app/ended_sessions.json")
async def end_other_sessions(call: PatientCall) -> Reply:
    """End all sessions of the account but this one."""
    return ok({"ended": await sessions.end_other_sessions(call.session, visit=call.visit)})


async def signed_in(account_id: UUID, tokens: Tokens, *, privacy_version: str) -> Reply:
    """Answer somebody who has just signed in, however they did, once their agreement is kept.

    Raises:
        DatabaseUnavailable.
    """
    await agree(account_id, PRIVACY, privacy_version)
    return hand_over(tokens)


def hand_over(tokens: Tokens) -> Reply:
    """Write tokens as their transport has it: a browser's refresh token is never seen by its scripts."""
    is_cookie = tokens.transport == "cookie"
    body: dict[str, Any] = {
        "session_id": tokens.session_id,
        "access_token": tokens.access_token,
        "expires_at": tokens.expires_at,
        "refresh_token": None if is_cookie else tokens.refresh_token,
        "refresh_expires_at": tokens.refresh_expires_at,
    }
    return Reply(body, 200, {"cache-control": "no-store"} | (keep_cookie(tokens) if is_cookie else {}))


async def send_code(
    call: PatientCall, phone: str, *, purpose: phone_codes.Purpose = "sign_in", bound_to: str = ""
) -> Reply:
    """Send a code and tell what it is given back with. bound_to: what else it is good for alone.

    Raises:
        InvalidPhone, MethodNotOffered, MessageNotSent, TooManyAttempts, DatabaseUnavailable.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    code_id = await phone_codes.send_code(phone, replace(call.visit, token=bound_to + secret), purpose=purpose)
    return ok(
        {
            "challenge": f"{code_id}.{secret}",
            "phone": phone_codes.mask_phone(phone),
            "resend_after_seconds": RESEND_SECONDS,
            # Who tries the sandbox out reads there what a telephone would show.
            "sandbox_messages": f"/sandbox/messages?phone={quote(phone)}" if sign_in().sandbox else None,
        }
    )


def read_challenge(challenge: str) -> tuple[UUID, str]:
    """Read what a code is given back with: its id, and the secret of who asked for it.

    Raises:
        SignInRefused.
    """
    code_id, _, secret = challenge.partition(".")
    try:
        return parse_id(code_id), secret
    except ValueError as error:
        raise SignInRefused from error
