"""Joins payments with the medical insurance: its centre, and WeChat's mixed orders."""

from datetime import datetime

from kernel.db import Database, database
from kernel.settings import Settings
from payments import merchants
from payments.gateways.insurance.centre import MobilePaymentCentre
from payments.gateways.insurance.credential import CredentialDesk
from payments.gateways.insurance.port import InsuranceCentre
from payments.gateways.port import Merchant, PaymentRequest, Prepared
from payments.gateways.references import KeyStore
from payments.gateways.wechatpay.gateway import WechatPayGateway
from payments.gateways.wechatpay.medical import (
    Institution,
    InsuranceRefund,
    InsuranceShare,
    MedicalPayments,
    MixedRequest,
    OrderType,
)
from payments.insurance import claims, mixed, shares
from payments.insurance.centres import CentreOf
from payments.insurance.consents import Close, Desk, MiniProgramPlace, Place
from payments.insurance.mixed import Mixed
from payments.insurance.shares import Share


class Centres:
    """The ways to the insurance's centre, one for each account."""

    def __init__(self, settings: Settings, base_url: str) -> None:
        self._base_url = base_url
        self._store = KeyStore(settings.keys_dir)
        self._built: dict[str, MobilePaymentCentre] = {}
        self._replaced: list[MobilePaymentCentre] = []

    def of(self, account: Merchant) -> InsuranceCentre:
        """Give the way of an account; a changed account gets a new one.

        Raises:
            KeyUnusable.
        """
        known = self._built.get(account.code)
        if known is not None and known.merchant == account:
            return known
        made = MobilePaymentCentre(account, self._store, base_url=self._base_url)
        if known is not None:
            self._replaced.append(known)  # somebody may be speaking by it
        self._built[account.code] = made
        return made

    async def close(self) -> None:
        """Give the connections back."""
        for centre in (*self._replaced, *self._built.values()):
            await centre.close_connections()
        self._replaced.clear()
        self._built.clear()


class WechatMixedOrders:
    """WeChat's mixed orders over one of its gateways."""

    def __init__(self, gateway: WechatPayGateway, *, name: str, city_id: str, notify_url: str) -> None:
        self._gateway = gateway
        self._name = name
        self._city_id = city_id
        self._notify_url = notify_url

    async def prepare(self, request: PaymentRequest, share: Share) -> tuple[str, Prepared]:
        """Make a mixed order known. Raises: ChannelUnavailable, ChannelRefused."""
        account = await merchants.read_merchant(database(), share.merchant_code)
        decided = InsuranceShare(
            pay_order_id=share.centre_order.pay_order_id,
            pay_auth_no=share.pay_auth_no,
            ordered_at=share.created_at,
            pooled_fen=share.parts.pooled_fen,
            account_fen=share.parts.account_fen,
            other_fen=0,
            own_fen=share.parts.own_fen,
        )
        wanted = MixedRequest(
            cash=request,
            order_type=OrderType.DIAGNOSIS,
            bill_no=share.order_no,
            share=decided,
            payer_name=share.insured.name,
            identity_number=share.insured.document_number,
            reduced_fen=share.reduced_fen,
        )
        prepared = await self._payments(account.merchant_no).prepare(wanted)
        return prepared.mix_trade_no, prepared.cash

    async def query(self, attempt_no: str) -> Mixed | None:
        """Ask how one stands. Raises: ChannelUnavailable, ChannelRefused."""
        fact = await self._payments("").query(attempt_no)
        return None if fact is None else Mixed(fact.mix_trade_no, fact.is_paid, fact.is_failed)

    async def report_back(self, share: Share, *, refund_no: str, at: datetime) -> None:
        """Tell that the insurance's part went back. Raises: ChannelUnavailable, ChannelRefused."""
        assert share.mix_trade_no is not None, "a mixed order has its number"
        await self._payments("").report_refund(
            InsuranceRefund(
                refund_no=refund_no,
                mix_trade_no=share.mix_trade_no,
                pooled_fen=share.parts.pooled_fen,
                account_fen=share.parts.account_fen,
                other_fen=0,
                refunded_at=at,
            )
        )

    def _payments(self, institution_code: str) -> MedicalPayments:
        institution = Institution(name=self._name, code=institution_code, city_id=self._city_id)
        return MedicalPayments(self._gateway, institution, notify_url=self._notify_url)


def open_desk(settings: Settings) -> tuple[Desk | None, Close | None]:
    """Open the way to people's consents, where the hospital has one; and give what closes it."""
    told = settings.insurance_consent
    if told is None or settings.insurance_base_url is None:
        return None, None
    asked = CredentialDesk(
        KeyStore(settings.keys_dir), base_url=told.base_url, partner=told.partner, secret_reference=told.secret
    )
    desk = Desk(
        asked,
        consent_at=Place(told.consent_page, _mini_program(told.consent_mini_program)),
        cashier_at=Place(told.cashier_page, _mini_program(told.cashier_mini_program)),
    )
    return desk, asked.close_connections


def _mini_program(text: str | None) -> MiniProgramPlace | None:
    return None if text is None else MiniProgramPlace(*text.split("/", 1))


async def tend_insurance(db: Database, centre_of: CentreOf) -> int:
    """Take back what nobody wants any more, and ask and tell what is still open; give how much was done.

    Raises:
        DatabaseUnavailable.
    """
    return (
        await claims.drop_due(db, centre_of)
        + await shares.take_back_due(db, centre_of)
        + await shares.ask_due(db, centre_of)
        + await mixed.tell_due(db)
    )
