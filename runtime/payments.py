"""Joins payments with the channels, with those who fulfil orders, and with those who hear of them."""

from collections.abc import Mapping, Sequence
from typing import Final

from booking import notices
from booking.payment import following as registration
from booking.payment.fulfilment import RegistrationFulfilment
from booking.payment.orders import KIND as REGISTRATION
from kernel.db import Transaction
from kernel.secrets import Secrets
from kernel.settings import Settings
from payments.billing import set_billing
from payments.bills.fulfilment import BillFulfilment
from payments.channel_certificates import DatabaseShelf
from payments.events import PaymentEvent, Subscriber
from payments.gateways.alipay.gateway import AlipayGateway
from payments.gateways.port import ChannelCode, Gateway, Merchant
from payments.gateways.references import KeyStore
from payments.gateways.wechatpay.gateway import NotifyUrls, WechatPayGateway
from payments.gateways.window import WindowGateway
from payments.inpatient import discharge
from payments.inpatient.fulfilments import DepositFulfilment, DischargeFulfilment
from payments.insurance.alone import InsuranceGateway
from payments.insurance.centres import centre_of, set_centres
from payments.insurance.consents import set_desk
from payments.insurance.fulfilment import WithInsurance
from payments.insurance.mixed import set_mixed
from payments.merchants import NOTIFICATIONS_PATH, Builder, Gateways, gateway_of, set_gateways
from payments.ports import Fulfilment, set_fulfilments
from payments.receipts import following as receipts
from payments.telling import SUBSCRIBERS as TELLING
from runtime.his import build_billing
from runtime.insurance import Centres, WechatMixedOrders, open_desk

TOLD_TO_PARTNERS: Final = frozenset(
    {"payment.paid", "payment.settled", "payment.rejected", "payment.expired", "payment.closed", "payment.refunded"}
)
"""What the application that made an order may hear of it, in the feed and by webhook."""


def connect_payments(settings: Settings) -> None:
    """Say, at the start of a process, by which gateways it speaks and who fulfils which orders."""
    set_gateways(Gateways(Secrets(settings.keys_dir), build_gateways(settings)))
    set_billing(build_billing(settings) if settings.his_http_url is not None else None)
    connect_insurance(settings)
    # Also where no centre is reached: an order that it shares is then not known, and no cash leaves before.
    set_fulfilments({kind: WithInsurance(one, centre_of) for kind, one in build_fulfilments(settings).items()})


def build_gateways(settings: Settings) -> Mapping[ChannelCode, Builder]:
    """Give what builds the gateway of a merchant's account, by channel."""

    def wechatpay(merchant: Merchant, secrets: Secrets) -> Gateway:
        url = notify_url(settings, merchant)
        return WechatPayGateway(
            merchant,
            KeyStore(secrets.keys_dir),
            notify_urls=NotifyUrls(payments=url, refunds=url),
            base_url=settings.wechatpay_base_url,
            shelf=DatabaseShelf(),
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
        ChannelCode.INSURANCE: lambda one, _: InsuranceGateway(one, centre_of),
    }


def connect_insurance(settings: Settings) -> None:
    """Say how this process reaches the insurance's centre, and whether WeChat takes its part along in mixed orders."""
    set_desk(*open_desk(settings))
    if settings.insurance_base_url is None:
        set_centres(None)
        set_mixed(None)
        return
    centres = Centres(settings, settings.insurance_base_url)
    set_centres(centres.of, centres.close)
    name, city_id = settings.insurance_institution, settings.insurance_city
    if name is None or city_id is None:
        set_mixed(None)
        return

    def mixed_of(merchant: Merchant) -> WechatMixedOrders | None:
        gateway = gateway_of(merchant)
        if not isinstance(gateway, WechatPayGateway):
            return None
        return WechatMixedOrders(gateway, name=name, city_id=city_id, notify_url=notify_url(settings, merchant))

    set_mixed(mixed_of)


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
