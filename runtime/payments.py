"""Joins payments with the channels, with those who fulfil orders, and with those who hear of them."""

from collections.abc import Mapping, Sequence
from typing import Final

from booking import notices
from booking.payment import following as registration
from booking.payment.fulfilment import RegistrationFulfilment
from booking.payment.orders import KIND as REGISTRATION
from kernel.db import Transaction
from kernel.settings import Settings
from payments.billing import set_billing
from payments.bills.fulfilment import BillFulfilment
from payments.events import PaymentEvent, Subscriber
from payments.gateways.alipay.gateway import AlipayGateway
from payments.gateways.insurance.centre import MobilePaymentCentre
from payments.gateways.insurance.port import InsuranceCentre
from payments.gateways.port import ChannelCode, Gateway, Merchant
from payments.gateways.references import KeyStore
from payments.gateways.wechatpay.gateway import NotifyUrls, WechatPayGateway
from payments.gateways.window import WindowGateway
from payments.inpatient import discharge
from payments.inpatient.fulfilments import DepositFulfilment, DischargeFulfilment
from payments.insurance.fulfilment import WithInsurance
from payments.insurance.shares import CentreOf
from payments.merchants import NOTIFICATIONS_PATH, Builder, Gateways, Secrets, set_gateways
from payments.ports import Fulfilment, set_fulfilments
from payments.receipts import following as receipts
from payments.telling import SUBSCRIBERS as TELLING
from runtime.his import build_billing

TOLD_TO_PARTNERS: Final = frozenset(
    {"payment.paid", "payment.settled", "payment.rejected", "payment.expired", "payment.closed", "payment.refunded"}
)
"""What the application that made an order may hear of it, in the feed and by webhook."""


def connect_payments(settings: Settings) -> None:
    """Say, at the start of a process, by which gateways it speaks and who fulfils which orders."""
    set_gateways(Gateways(Secrets(settings.keys_dir), build_gateways(settings)))
    set_billing(build_billing(settings) if settings.his_http_url is not None else None)
    fulfilments = build_fulfilments(settings)
    centre_of = build_centres(settings)
    if centre_of is not None:
        fulfilments = {kind: WithInsurance(one, centre_of) for kind, one in fulfilments.items()}
    set_fulfilments(fulfilments)


def build_gateways(settings: Settings) -> Mapping[ChannelCode, Builder]:
    """Give what builds the gateway of a merchant's account, by channel."""

    def wechatpay(merchant: Merchant, secrets: Secrets) -> Gateway:
        url = notify_url(settings, merchant)
        return WechatPayGateway(
            merchant,
            KeyStore(secrets.keys_dir),
            notify_urls=NotifyUrls(payments=url, refunds=url),
            base_url=settings.wechatpay_base_url,
        )

    def alipay(merchant: Merchant, secrets: Secrets) -> Gateway:
        return AlipayGateway(
            merchant,
            KeyStore(secrets.keys_dir),
            notify_url=notify_url(settings, merchant),
            base_url=settings.alipay_base_url,
        )

    return {
        ChannelCode.CASH: lambda one, _: WindowGateway(one),
        ChannelCode.CARD: lambda one, _: WindowGateway(one),
        ChannelCode.WECHATPAY: wechatpay,
        ChannelCode.ALIPAY: alipay,
    }


def build_centres(settings: Settings) -> CentreOf | None:
    """Give the way to the insurance's centre, one for each account; None: this hospital has none."""
    if settings.insurance_base_url is None:
        return None
    base_url, store = settings.insurance_base_url, KeyStore(settings.keys_dir)
    built: dict[str, MobilePaymentCentre] = {}

    def centre_of(account: Merchant) -> InsuranceCentre:
        known = built.get(account.code)
        if known is None or known.merchant != account:
            known = built[account.code] = MobilePaymentCentre(account, store, base_url=base_url)
        return known

    return centre_of


def notify_url(settings: Settings, merchant: Merchant) -> str:
    """Give the address at which a channel tells of one merchant's payments and refunds."""
    return f"{settings.public_url}{NOTIFICATIONS_PATH}/{merchant.channel.value}/{merchant.code}"


def build_fulfilments(settings: Settings) -> Mapping[str, Fulfilment]:
    """Say who fulfils which kind of order; a kind without one cannot be ordered."""
    billing = build_billing(settings) if settings.his_http_url is not None else None
    return {
        REGISTRATION: RegistrationFulfilment(billing),
        "outpatient_bill": BillFulfilment(),
        "deposit": DepositFulfilment(),
        "discharge": DischargeFulfilment(),
    }


def build_subscribers() -> Sequence[tuple[str, Subscriber]]:
    """Say who hears of which payment events, each in the transaction that ends the event's letter."""
    return [
        *registration.SUBSCRIBERS,
        *((kind, post_notice) for kind in sorted(TOLD_TO_PARTNERS)),
        *receipts.SUBSCRIBERS,
        *discharge.SUBSCRIBERS,
        *TELLING,
    ]


async def post_notice(tx: Transaction, event: PaymentEvent) -> None:
    """Tell the application that made an order of it, in the feed that its webhooks follow."""
    await notices.post(
        tx,
        client_id=event.client_id,
        kind=event.kind,
        subject_id=event.order_id,
        facts={"order_no": event.order_no, "order_kind": event.order_kind, "amount_fen": event.amount_fen}
        | dict(event.facts),
        at=event.at,
    )
