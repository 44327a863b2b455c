"""Cash and cards at the window: recorded by a cashier, not asked of anybody.

What was taken over the counter is a fact the moment that it is recorded. What goes back over the counter waits for a
cashier to hand it over, and to say so.
"""

from collections.abc import Mapping
from datetime import date, datetime

from payments.gateways.errors import ChannelRefused, NotificationRefused
from payments.gateways.port import (
    Bill,
    BillKind,
    FactSource,
    Merchant,
    Notification,
    PaymentFact,
    PaymentRequest,
    PaymentState,
    Prepared,
    RefundFact,
    RefundRequest,
    RefundState,
)


class WindowGateway:
    """A drawer or a card terminal of one campus."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    async def prepare(self, request: PaymentRequest) -> Prepared:  # noqa: ARG002  the port's
        """Refuse: nobody pays at a window by telephone. Raises: ChannelRefused."""
        raise ChannelRefused("window_only")

    async def query(self, attempt_no: str) -> PaymentFact:
        """Say that nothing is known: what a window took was recorded with the attempt."""
        return PaymentFact(
            self.merchant.channel, self.merchant.merchant_no, None, attempt_no, PaymentState.ABSENT, FactSource.QUERY
        )

    async def close(self, attempt_no: str) -> None:
        """Nothing is open at a window."""

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Have the cashier hand the money over; `record_window_refund` says when it was."""
        return self._waiting(request.refund_no, request.attempt_no)

    async def query_refund(self, *, refund_no: str, attempt_no: str) -> RefundFact:
        """Say that it waits for the cashier."""
        return self._waiting(refund_no, attempt_no)

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        """Give an empty bill: a window's day is closed by counting the drawer."""
        return Bill(kind, day, b"", is_empty=True)

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:  # noqa: ARG002  the port's
        """Refuse: a window sends none. Raises: NotificationRefused."""
        raise NotificationRefused("no_notifications")

    def _waiting(self, refund_no: str, attempt_no: str) -> RefundFact:
        return RefundFact(
            self.merchant.channel,
            self.merchant.merchant_no,
            attempt_no,
            refund_no,
            RefundState.PROCESSING,
            FactSource.ANSWER,
        )
