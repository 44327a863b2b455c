"""Where the channels tell us of payments and refunds: verified, stored, and only then acknowledged.

Whoever sends here proves by a signature who they are: there is no token. What is not believed is counted with its
reason, changes nothing and has nobody asked. What is believed is on disk before the channel is told so, in the words
that it wants; what could not be stored is told again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel import clock
from kernel.errors import Unavailable
from kernel.log import get_logger
from kernel.metrics import Counter
from kernel.secrets import SecretMissing
from open_api.answers import JSON, Answer
from open_api.guard import request_id_of
from partners.addresses import client_address, masked
from partners.gateway import gateway
from payments.accounts import KnownAccounts
from payments.errors import ChannelNotOffered
from payments.gateways.errors import NotificationRefused
from payments.gateways.port import ChannelCode, LearnsKeys, Merchant
from payments.inbox import InboxFull, accept_notification
from payments.merchants import NOTIFICATIONS_PATH, gateway_of
from payments.refused_notifications import refusal_log

BODY_BYTES_MAX: Final = 32 * 1024
FORM: Final = "application/x-www-form-urlencoded"
TEXT: Final = "text/plain; charset=utf-8"
STORED: Final = "stored"
TOLD: Final = Counter(
    "hospital_payment_notifications_total", "Notifications of channels, by what became of them", ["channel", "outcome"]
)

log = get_logger("payments")


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a channel tells, and how it wants to be answered.

    nonce_header: what holds the nonce that it signs; None: its own number of a notification is all it has.
    """

    content_type: str
    answer_type: str
    yes: bytes
    no: bytes
    nonce_header: str | None = None


# WeChat Pay v3, "payment notification": 200 or 204, else a code and a message. Alipay, "asynchronous notification":
# the seven letters of `success`; anything else is told again.
MANNERS: Final[Mapping[str, _Manner]] = {
    ChannelCode.WECHATPAY: _Manner(
        JSON, JSON, b'{"code":"SUCCESS"}', b'{"code":"FAIL","message":"refused"}', "wechatpay-nonce"
    ),
    ChannelCode.ALIPAY: _Manner(FORM, TEXT, b"success", b"failure"),
}

_accounts: Final = KnownAccounts()


def mount_notifications(app: Sanic[Any, Any]) -> None:
    """Put the address of each account with a channel into the application."""
    app.add_route(
        take_notification,
        NOTIFICATIONS_PATH + "/<channel:str>/<merchant:str>",
        methods=["POST"],
        name="take_notification",
    )


async def take_notification(request: Request, channel: str, merchant: str) -> HTTPResponse:
    """Take what a channel tells of one of the hospital's accounts."""
    manner = _manner_of(channel)
    if manner is None:
        return _refuse(request, None, "unknown_channel")
    try:
        account = await _accounts.find(channel, merchant)
        if account is None:
            return _refuse(request, None, "unknown_merchant", manner)
        await _take(request, account, manner)
    except NotificationRefused as refusal:
        return _refuse(request, account, refusal.reason, manner)
    except (InboxFull, Unavailable) as error:
        return _put_off(channel, manner, type(error).__name__)
    except (SecretMissing, ChannelNotOffered) as error:
        log.error("notification_unreadable", merchant=merchant, reason=str(error))
        return _put_off(channel, manner, "account_unusable")
    TOLD.labels(channel, STORED).inc()
    return Answer(manner.yes, 200, {}, manner.answer_type)


async def _take(request: Request, account: Merchant, manner: _Manner) -> None:
    """Verify a notification and store it.

    Raises:
        NotificationRefused, InboxFull, Unavailable.
        SecretMissing, ChannelNotOffered: of ours, what it would be verified with is not there.
    """
    headers = request.headers
    if len(request.body) > BODY_BYTES_MAX:
        raise NotificationRefused("too_large")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != manner.content_type:
        raise NotificationRefused("content_type")
    channel = gateway_of(account)
    if isinstance(channel, LearnsKeys):
        await channel.learn_keys()
    notification = channel.read_notification(headers, request.body, now=clock.machine_now())
    nonce = headers[manner.nonce_header] if manner.nonce_header else None
    await accept_notification(account, notification, nonce=nonce)


def note_oversized(request: Request) -> None:
    """Count a notification whose body is larger than the server reads at all."""
    if not request.path.startswith(NOTIFICATIONS_PATH + "/"):
        return
    channel, _, _ = request.path.removeprefix(NOTIFICATIONS_PATH + "/").partition("/")
    if _manner_of(channel) is not None:
        _note(request, None, channel, "too_large")


def _manner_of(channel: str) -> _Manner | None:
    return MANNERS.get(channel)


def _refuse(
    request: Request, account: Merchant | None, reason: str, manner: _Manner = MANNERS[ChannelCode.WECHATPAY]
) -> HTTPResponse:
    """Answer what is not believed; which of its proofs failed is ours to know."""
    _note(request, account, "none" if account is None else account.channel.value, reason)
    return Answer(manner.no, 404 if account is None else 400, {}, manner.answer_type)


def _note(request: Request, account: Merchant | None, channel: str, reason: str) -> None:
    TOLD.labels(channel, reason).inc()
    door = gateway()
    forwarded = request.headers.getall("x-forwarded-for", ()) if door.trusted_proxies else ()
    address = client_address(request.ip, forwarded, trusted_proxies=door.trusted_proxies)
    refusal_log().note(
        None if account is None else account.code, reason, network=masked(address), request_id=request_id_of(request)
    )


def _put_off(channel: str, manner: _Manner, outcome: str) -> HTTPResponse:
    """Answer what could not be stored: the channel comes again."""
    TOLD.labels(channel, outcome).inc()
    return Answer(manner.no, 503, {"retry-after": "5"}, manner.answer_type)
