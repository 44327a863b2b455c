"""The finance office: what waits for a person, refunds that want a second one, and the accounts with the channels."""

from typing import Any, Final
from uuid import UUID

from kernel.db import DatabaseUnavailable, database
from kernel.ids import parse_id
from open_api.administration.entries import WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes
from payments import accounts, dead_letters, errors, exceptions, queries, refunds, resolving
from payments.accounts import Account
from payments.dead_letters import DeadLetter
from payments.exceptions import Action, PaymentException
from payments.gateways.port import ChannelCode, Merchant
from payments.inpatient import discharge
from payments.inpatient.discharge import Discharge
from payments.queries import RefundFilter
from payments.refunds import Refund
from payments.refused_notifications import list_refused
from payments.resolving import Resolution

routes: Final = Routes("administration: finance", staff_only=True, operation_class="sensitive")
READ: Final = "finance.read"
WRITE: Final = "finance.write"
_BASE: Final = "/administration/finance"
_EXCEPTIONS: Final = "finance.exceptions"
_REFUNDS: Final = "finance.refunds"
_PAYOUTS: Final = "finance.payouts"
_MERCHANTS: Final = "finance.merchants"
_DEAD: Final = "finance.dead_letters"
_REFUSED: Final = "finance.refused"


# --- what waits for a person


@routes.get(
    f"{_BASE}/exceptions",
    scope=READ,
    query="finance/exception_query.json",
    response="finance/exception_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_exceptions(call: PartnerCall) -> Reply:
    """List what the platform does not decide by itself, the oldest first, with what may be done about each."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_EXCEPTIONS, query)
    found = await exceptions.list_exceptions(
        database(),
        status=query.get("status", "open"),
        order_id=parse_id(query["order_id"]) if "order_id" in query else None,
        after=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_EXCEPTIONS, [_exception(one, call.language) for one in found], limit, "id")


@routes.get(
    f"{_BASE}/exceptions/<exception_id:uuid>",
    scope=READ,
    response="finance/exception.json",
    errors=[errors.ExceptionNotFound, DatabaseUnavailable],
)
async def get_exception(call: PartnerCall) -> Reply:
    """Read an exception, and what was decided about it."""
    return ok(await _read_exception(call.path["exception_id"], call.language))


@routes.post(
    f"{_BASE}/exceptions/<exception_id:uuid>/resolve",
    scope=WRITE,
    request="finance/resolution.json",
    response="finance/exception.json",
    errors=[
        errors.ExceptionNotFound,
        errors.ExceptionResolved,
        errors.ActionNotAllowed,
        errors.RefundNotWaiting,
        errors.NotRefundable,
        *WRITE_ERRORS,
    ],
)
async def resolve_exception(call: PartnerCall) -> Reply:
    """Decide about an exception with one of the actions that it allows, and say why."""
    body = call.body
    await resolving.resolve_exception(
        call.path["exception_id"],
        Resolution(action=Action(body["action"]), reason=body["reason"], proof=body.get("proof")),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(await _read_exception(call.path["exception_id"], call.language))


# --- refunds


@routes.get(
    f"{_BASE}/refunds",
    scope=READ,
    query="finance/refund_query.json",
    response="finance/refund_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_refunds_for_finance(call: PartnerCall) -> Reply:
    """List refunds with who asked for and who approved them, the newest first; `requested` wait for a second person."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_REFUNDS, query)
    found = await queries.list_refunds(
        database(),
        RefundFilter(order_id=parse_id(query["order_id"]) if "order_id" in query else None, status=query.get("status")),
        actor=call.actor,
        before=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_REFUNDS, [_refund(one) for one in found], limit, "id")


@routes.post(
    f"{_BASE}/refunds/<refund_id:uuid>/approve",
    scope=WRITE,
    response="finance/refund.json",
    errors=[errors.RefundNotFound, errors.RefundNotWaiting, errors.SecondPersonRequired, *WRITE_ERRORS],
)
async def approve_refund(call: PartnerCall) -> Reply:
    """Approve a refund that somebody else has asked for: it goes on its way."""
    refund = await refunds.approve_refund(call.path["refund_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(_refund(refund))


@routes.post(
    f"{_BASE}/refunds/<refund_id:uuid>/decline",
    scope=WRITE,
    response="finance/refund.json",
    errors=[errors.RefundNotFound, errors.RefundNotWaiting, errors.SecondPersonRequired, *WRITE_ERRORS],
)
async def decline_refund(call: PartnerCall) -> Reply:
    """Decline a refund that somebody else has asked for: the money stays, and can be asked for again."""
    refund = await refunds.decline_refund(call.path["refund_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(_refund(refund))


# --- accounts with the channels


@routes.get(
    f"{_BASE}/payouts",
    scope=READ,
    query="finance/page_query.json",
    response="finance/payout_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_payouts(call: PartnerCall) -> Reply:
    """List what is owed to discharged patients and cannot go back by a channel, the oldest first."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    last = after(_PAYOUTS, call.query)
    owed = await discharge.list_payouts_owed(database(), after=parse_id(last) if last else None, limit=limit + 1)
    return shown_page(_PAYOUTS, [_payout(one) for one in owed], limit, "id")


@routes.get(
    f"{_BASE}/merchants",
    scope=READ,
    query="finance/page_query.json",
    response="finance/merchant_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_merchants(call: PartnerCall) -> Reply:
    """List the hospital's accounts with the channels, by their codes."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    found = await accounts.list_accounts(database(), after=after(_MERCHANTS, call.query), limit=limit + 1)
    return shown_page(_MERCHANTS, [_merchant(one) for one in found], limit, "code")


@routes.get(
    f"{_BASE}/merchants/<code:str>",
    scope=READ,
    response="finance/merchant.json",
    errors=[errors.MerchantNotFound, DatabaseUnavailable],
)
async def get_merchant(call: PartnerCall) -> Reply:
    """Read an account: where its keys lie, never a key."""
    return ok(_merchant(await accounts.read_account(database(), call.path["code"])))


@routes.post(
    f"{_BASE}/merchants",
    scope=WRITE,
    request="finance/merchant_new.json",
    response="finance/merchant.json",
    errors=[errors.MerchantDiffers, *WRITE_ERRORS],
    status=201,
)
async def register_merchant(call: PartnerCall) -> Reply:
    """Register an account, or say anew where its keys lie (`file:NAME`, `env:NAME`) and what the channel keeps."""
    body = call.body
    account = await accounts.register_account(
        Merchant(
            code=body["code"],
            channel=ChannelCode(body["channel"]),
            merchant_no=body["merchant_no"],
            app_id=body.get("app_id", ""),
            key_references=body["key_references"],
        ),
        campus_id=parse_id(body["campus_id"]) if body.get("campus_id") else None,
        fee_rate_millionths=body.get("fee_rate_millionths"),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(_merchant(account), location=f"/open/v1{_BASE}/merchants/{account.code}")


@routes.post(
    f"{_BASE}/merchants/<code:str>/stop",
    scope=WRITE,
    request="finance/turn.json",
    response="finance/merchant.json",
    errors=[errors.MerchantNotFound, errors.MerchantStopped, *WRITE_ERRORS],
)
async def stop_merchant(call: PartnerCall) -> Reply:
    """Stop an account at once: nobody begins to pay by it any more; what is under way is followed to its end."""
    return ok(_merchant(await _turn(call, stops=True)))


@routes.post(
    f"{_BASE}/merchants/<code:str>/resume",
    scope=WRITE,
    request="finance/turn.json",
    response="finance/merchant.json",
    errors=[errors.MerchantNotFound, errors.MerchantNotStopped, errors.MerchantDiffers, *WRITE_ERRORS],
)
async def resume_merchant(call: PartnerCall) -> Reply:
    """Let a stopped account take money again."""
    return ok(_merchant(await _turn(call, stops=False)))


# --- what could not be taken in or told


@routes.get(
    f"{_BASE}/dead-letters",
    scope=READ,
    query="finance/page_query.json",
    response="finance/dead_letter_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_payment_dead_letters(call: PartnerCall) -> Reply:
    """List notifications and letters of payments that were tried in vain and wait for a person."""
    limit, last = call.query.get("limit", LIMIT_DEFAULT), after(_DEAD, call.query)
    found = await dead_letters.list_dead_letters(
        database(), after=dead_letters.read_name(last) if last else None, limit=limit + 1
    )
    return shown_page(_DEAD, [_dead_letter(one) for one in found], limit, "name")


@routes.post(
    f"{_BASE}/dead-letters/<name:str>/revive",
    scope=WRITE,
    request="finance/turn.json",
    response="finance/dead_letter_revived.json",
    errors=[errors.DeadLetterNotFound, *WRITE_ERRORS],
)
async def revive_payment_dead_letter(call: PartnerCall) -> Reply:
    """Have one tried again from the beginning, once its cause is mended."""
    name = call.path["name"]
    await dead_letters.revive_dead_letter(
        dead_letters.read_name(name), reason=call.body["reason"], actor=call.actor, idempotency=call.idempotency
    )
    return ok({"name": name, "status": "pending"})


@routes.get(
    f"{_BASE}/refused-notifications",
    scope=READ,
    query="finance/page_query.json",
    response="finance/refused_notification_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_refused_notifications(call: PartnerCall) -> Reply:
    """List what came in a channel's name and was not believed, counted by the minute, the newest first."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    last = after(_REFUSED, call.query)
    found = await list_refused(database(), before=parse_id(last) if last else None, limit=limit + 1)
    return shown_page(_REFUSED, [one._asdict() | {"id": str(one.id)} for one in found], limit, "id")


async def _read_exception(exception_id: UUID, language: str) -> dict[str, Any]:
    return _exception(await exceptions.read_exception(database(), exception_id), language)


def _exception(one: PaymentException, language: str) -> dict[str, Any]:
    sentence = exceptions.EXPLAINED[one.cause]
    return one._asdict() | {
        "id": str(one.id),
        "cause": one.cause.value,
        "explanation": sentence.en if language == "en" else sentence.zh,
        "allowed": one.allowed,
    }


def _refund(one: Refund) -> dict[str, Any]:
    return one._asdict() | {"id": str(one.id)}


def _merchant(one: Account) -> dict[str, Any]:
    return one._asdict()


async def _turn(call: PartnerCall, *, stops: bool) -> Account:
    return await accounts.turn_account(
        call.path["code"],
        stops=stops,
        reason=call.body["reason"],
        actor=call.actor,
        idempotency=call.idempotency,
    )


def _dead_letter(one: DeadLetter) -> dict[str, Any]:
    shown = one._asdict()
    return {"name": one.name} | {key: shown[key] for key in ("kind", "subject", "since", "tries", "fault")}


def _payout(one: Discharge) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "admission_no": one.admission_no,
        "payout_fen": one.payout_fen,
        "surplus_fen": one.surplus_fen,
        "returned_fen": one.returned_fen,
        "settled_at": one.settled_at,
    }
