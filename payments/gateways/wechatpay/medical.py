"""Medical insurance and WeChat Pay in one payment (医保自费混合收款), which the SDK does not know.

The part in cash is an ordinary attempt, prepared first under the same number; the whole is paid only when the channel
says MIX_PAY_SUCCESS. Its notification is told for half a minute, so whoever waits longer asks. Money goes back in this
order: the insurance by its own centre, the cash by an ordinary refund, and then the channel is told.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from kernel import clock
from payments.gateways.errors import ChannelUnavailable, NotificationRefused
from payments.gateways.port import FactSource, PaymentRequest, Prepared
from payments.gateways.wechatpay import gate
from payments.gateways.wechatpay.client import Answer
from payments.gateways.wechatpay.facts import read_fen, read_text
from payments.gateways.wechatpay.gateway import NO_CONTENT, OK, WechatPayGateway, is_absent, require_number

SUCCESS_EVENT: Final = "MEDICAL_INSURANCE.SUCCESS"
ORDERS_PATH: Final = "/v3/med-ins/orders"
REFUNDS_PATH: Final = "/v3/med-ins/refunds/notify"
USED_CODE: Final = "OUT_TRADE_NO_USED"
NOT_COMPARED: Final = frozenset({"payer", "prepay_id"})
"""The payer is sealed afresh each time, and an answer does not repeat it."""


class OrderType(StrEnum):
    """What is paid for, as the insurance counts it."""

    REGISTRATION = "REG_PAY"
    DIAGNOSIS = "DIAG_PAY"
    INPATIENT = "IN_HOSP_PAY"
    PHARMACY = "PHARMACY_PAY"


class LegState(StrEnum):
    """How one part of a mixed payment stands."""

    NONE = "none"
    UNPAID = "unpaid"
    PAID = "paid"
    REFUNDED = "refunded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Institution:
    """The hospital as the insurance has registered it; city_id is the administrative division, 440100 for Guangzhou."""

    name: str
    code: str
    city_id: str


@dataclass(frozen=True, slots=True)
class InsuranceShare:
    """What the insurance's centre has decided of one bill, in fen, and its numbers of it.

    pooled: 统筹; account: 个人账户; other: what else it pays; own: what it leaves to the person.
    """

    pay_order_id: str
    pay_auth_no: str
    ordered_at: datetime
    pooled_fen: int
    account_fen: int
    other_fen: int
    own_fen: int

    @property
    def paid_fen(self) -> int:
        """What the insurance pays."""
        return self.pooled_fen + self.account_fen + self.other_fen


@dataclass(frozen=True, slots=True)
class MixedRequest:
    """A payment in two parts.

    cash: the part by WeChat, its amount after reductions; 0 fen where the insurance pays all.
    reduced_fen: what the hospital itself takes off the person's part.
    payer_name, identity_number: sealed for the channel, shown to nobody else and never logged.
    """

    cash: PaymentRequest
    order_type: OrderType
    bill_no: str
    share: InsuranceShare
    payer_name: str = field(repr=False)
    identity_number: str = field(repr=False)
    reduced_fen: int = 0


@dataclass(frozen=True, slots=True)
class MixedPrepared:
    """The channel's number of the whole, and what the mini-program needs for the part in cash."""

    mix_trade_no: str
    cash: Prepared


@dataclass(frozen=True, slots=True)
class MixedFact:
    """What the channel says of a mixed payment; is_paid only where each part that there is has been paid."""

    attempt_no: str
    mix_trade_no: str
    app_id: str
    source: FactSource
    is_paid: bool
    is_failed: bool
    cash: LegState
    insurance: LegState
    cash_fen: int
    insurance_fen: int
    total_fen: int
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class InsuranceRefund:
    """What the insurance's centre took back, in fen; refund_no is the one of the cash refund where there is one."""

    refund_no: str
    mix_trade_no: str
    pooled_fen: int
    account_fen: int
    other_fen: int
    refunded_at: datetime


class MedicalPayments:
    """Mixed payments over one merchant's gateway."""

    def __init__(self, gateway: WechatPayGateway, institution: Institution, *, notify_url: str) -> None:
        self._gateway = gateway
        self._institution = institution
        self._notify_url = notify_url

    async def prepare(self, request: MixedRequest) -> MixedPrepared:
        """Make the part in cash known, then the whole. The same call may be made again.

        Raises:
            ChannelUnavailable: what became of it is not known.
            ChannelRefused: a definite no.
        """
        cash = await self._gateway.prepare(request.cash) if request.cash.amount_fen else Prepared()
        await self._gateway.client.open()
        order = self._order(request, cash)
        answer = await self._gateway.client.request(ORDERS_PATH, data=order)
        if answer.code == USED_CODE:
            # Prepared again, the part in cash has another prepay_id: what matters is whether the rest is the same.
            earlier = await self._ask(request.cash.attempt_no)
            answer = earlier if _is_same(order, earlier.body) else answer
        self._gateway.require_answer(answer, OK)
        fact = _fact(answer.body, source=FactSource.ANSWER)
        if fact.attempt_no != request.cash.attempt_no:
            raise ChannelUnavailable("an answer about another attempt")
        return MixedPrepared(fact.mix_trade_no, cash)

    async def query(self, attempt_no: str) -> MixedFact | None:
        """Ask how a mixed payment stands; None when the channel never heard of it. Raises: ChannelUnavailable."""
        require_number(attempt_no)
        answer = await self._ask(attempt_no)
        if is_absent(answer):
            return None
        fact = _fact(self._gateway.require_told(answer), source=FactSource.QUERY)
        if fact.attempt_no != attempt_no:
            raise ChannelUnavailable("an answer about another attempt")
        return fact

    async def _ask(self, attempt_no: str) -> Answer:
        return await self._gateway.client.request(f"{ORDERS_PATH}/out-trade-no/{attempt_no}")

    async def report_refund(self, refund: InsuranceRefund) -> None:
        """Tell the channel what the insurance took back; telling twice is no error.

        Raises:
            ChannelUnavailable: whether it was noted is not known.
            ChannelRefused: a definite no.
        """
        require_number(refund.mix_trade_no)
        data = {
            "med_refund_total_fee": refund.pooled_fen + refund.account_fen + refund.other_fen,
            "med_refund_gov_fee": refund.pooled_fen,
            "med_refund_self_fee": refund.account_fen,
            "med_refund_other_fee": refund.other_fen,
            "refund_time": _china_time(refund.refunded_at),
            "out_refund_no": refund.refund_no,
        }
        answer = await self._gateway.client.request(f"{REFUNDS_PATH}?mix_trade_no={refund.mix_trade_no}", data=data)
        self._gateway.require_answer(answer, NO_CONTENT)

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> tuple[str, MixedFact]:
        """Verify and open a notification of a mixed payment: its event id and what it tells.

        Raises:
            NotificationRefused: it does not hold, or tells of something else (`event_type`).
        """
        envelope = self._gateway.admit(headers, body, now=now)
        event_id, event_type = gate.name_of(envelope)
        if event_type != SUCCESS_EVENT:
            raise NotificationRefused("event_type")
        try:
            return event_id, _fact(self._gateway.open_resource(envelope), source=FactSource.NOTIFICATION)
        except ChannelUnavailable as error:
            raise NotificationRefused("malformed") from error

    def _order(self, request: MixedRequest, cash: Prepared) -> dict[str, Any]:
        share, client = request.share, self._gateway.client
        assert request.cash.amount_fen == share.own_fen - request.reduced_fen, "the parts add up before they are sent"
        order: dict[str, Any] = {
            "mix_pay_type": _mix_type(request),
            "order_type": request.order_type.value,
            "appid": self._gateway.merchant.app_id,
            "openid": request.cash.payer,
            "payer": {
                "name": client.seal(request.payer_name),
                "id_digest": client.seal(digest_identity(request.identity_number)),
                "card_type": "ID_CARD",
            },
            "out_trade_no": request.cash.attempt_no,
            "serial_no": request.bill_no,
            "pay_order_id": share.pay_order_id,
            "pay_auth_no": share.pay_auth_no,
            "city_id": self._institution.city_id,
            "med_inst_name": self._institution.name,
            "med_inst_no": self._institution.code,
            "med_ins_order_create_time": _china_time(share.ordered_at),
            "total_fee": share.paid_fen + share.own_fen,
            "med_ins_gov_fee": share.pooled_fen,
            "med_ins_self_fee": share.account_fen,
            "med_ins_other_fee": share.other_fen,
            "med_ins_cash_fee": share.own_fen,
            "wechat_pay_cash_fee": request.cash.amount_fen,
            "callback_url": self._notify_url,
        }
        if request.reduced_fen:
            order["cash_reduce_detail"] = [
                {"cash_reduce_fee": request.reduced_fen, "cash_reduce_type": "HOSPITAL_REDUCE"}
            ]
        if cash.parameters:
            order["prepay_id"] = cash.parameters["package"].removeprefix("prepay_id=")
        return order


def digest_identity(number: str) -> str:
    """Give the digest of an identity number that the channel compares with its own (MD5, as it documents)."""
    return hashlib.md5(number.upper().encode(), usedforsecurity=False).hexdigest()


def _is_same(order: dict[str, Any], told: dict[str, Any]) -> bool:
    return all(told.get(name) == value for name, value in order.items() if name not in NOT_COMPARED)


def _mix_type(request: MixedRequest) -> str:
    if not request.share.paid_fen:
        return "CASH_ONLY"
    return "CASH_AND_INSURANCE" if request.cash.amount_fen else "INSURANCE_ONLY"


_CASH: Final = {
    "NO_SELF_PAY": LegState.NONE,
    "SELF_PAY_CREATED": LegState.UNPAID,
    "SELF_PAY_SUCCESS": LegState.PAID,
    "SELF_PAY_REFUND": LegState.REFUNDED,
    "SELF_PAY_FAIL": LegState.FAILED,
}
_INSURANCE: Final = {
    "NO_MED_INS_PAY": LegState.NONE,
    "MED_INS_PAY_CREATED": LegState.UNPAID,
    "MED_INS_PAY_SUCCESS": LegState.PAID,
    "MED_INS_PAY_REFUND": LegState.REFUNDED,
    "MED_INS_PAY_FAIL": LegState.FAILED,
}
_WHOLE: Final = frozenset({"MIX_PAY_CREATED", "MIX_PAY_SUCCESS", "MIX_PAY_REFUND", "MIX_PAY_FAIL"})


def _fact(body: dict[str, Any], *, source: FactSource) -> MixedFact:
    """Read a mixed payment. Raises: ChannelUnavailable."""
    try:
        whole = body["mix_pay_status"]
        if whole not in _WHOLE:
            raise ValueError("a state that is not known")
        paid_at = body.get("paid_time")
        return MixedFact(
            attempt_no=read_text(body["out_trade_no"]),
            mix_trade_no=read_text(body["mix_trade_no"]),
            app_id=read_text(body["appid"]),
            source=source,
            is_paid=whole == "MIX_PAY_SUCCESS",
            is_failed=whole == "MIX_PAY_FAIL",
            cash=_CASH[body["self_pay_status"]],
            insurance=_INSURANCE[body["med_ins_pay_status"]],
            cash_fen=read_fen(body["wechat_pay_cash_fee"]),
            insurance_fen=sum(read_fen(body[f"med_ins_{part}_fee"]) for part in ("gov", "self", "other")),
            total_fen=read_fen(body["total_fee"]),
            paid_at=datetime.fromisoformat(read_text(paid_at)).astimezone(UTC) if paid_at else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelUnavailable("a mixed payment that cannot be read") from error


def _china_time(at: datetime) -> str:
    return at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
