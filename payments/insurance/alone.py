"""Orders that the insurance pays alone: its centre as the channel of their one attempt, behind the channels' port.

The person agrees at the insurance and nowhere else, so nothing is prepared; the worker asks until it is paid.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from kernel import clock
from kernel.db import database
from payments.gateways.errors import BillNotReady, ChannelRefused, ChannelUnavailable, NotificationRefused
from payments.gateways.insurance.port import InsuranceState
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
from payments.insurance.centres import CentreOf
from payments.insurance.shares import Share, ask, share_of, take_back
from payments.ports import OutcomeUnknown

_STATES: Final = {
    InsuranceState.PENDING: PaymentState.UNPAID,
    InsuranceState.PAID: PaymentState.PAID,
    InsuranceState.FAILED: PaymentState.CLOSED,
    InsuranceState.REVOKED: PaymentState.CLOSED,
    InsuranceState.REFUNDED: PaymentState.CLOSED,
}
"""Anything else is not known, and the attempt goes on."""


class InsuranceGateway:
    """The hospital's account with the centre, as a channel."""

    def __init__(self, merchant: Merchant, centre_of: CentreOf) -> None:
        self.merchant = merchant
        self._centre_of = centre_of

    async def prepare(self, request: PaymentRequest) -> Prepared:
        """Refuse: the attempt is made with its order. Raises: ChannelRefused."""
        raise ChannelRefused(f"NOT_PREPARED {request.scene.value}")

    async def query(self, attempt_no: str) -> PaymentFact:
        """Ask how an attempt stands. Raises: ChannelUnavailable."""
        share = await self._share(attempt_no)
        fact = self._fact(attempt_no, PaymentState.CLOSED)
        if share.status == "taken_back":
            return fact
        state = _STATES.get(await self._ask(share), PaymentState.PAYING)
        if state is not PaymentState.PAID:
            return replace(fact, state=state)
        return replace(
            fact,
            state=state,
            amount_fen=share.parts.insurance_fen,
            transaction_no=share.centre_order.pay_order_id[:64],
            occurred_at=clock.now(),
        )

    async def close(self, attempt_no: str) -> None:
        """Have the centre forget what nobody has agreed to. Raises: ChannelUnavailable, ChannelRefused."""
        share = await self._share(attempt_no)
        if share.status == "taken_back":
            return
        state = await self._ask(share)
        if state is InsuranceState.PAID:
            raise ChannelRefused("PAID", is_paid=True)
        if state is InsuranceState.PENDING:
            await self._take_back(share)

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Have the insurance take its money back, which is all of it. Raises: ChannelUnavailable, ChannelRefused."""
        share = await self._share(request.attempt_no)
        if request.refund_fen != share.parts.insurance_fen:
            raise ChannelRefused("GOES_BACK_WHOLE")
        await self._take_back(share)
        return self._refund_fact(request.refund_no, request.attempt_no, RefundState.SUCCEEDED, request.refund_fen)

    async def query_refund(self, *, refund_no: str, attempt_no: str) -> RefundFact:
        """Tell whether the insurance has its money back; what is not known may be asked for again.

        Raises:
            ChannelUnavailable.
        """
        share = await self._share(attempt_no)
        if share.status != "taken_back":
            return self._refund_fact(refund_no, attempt_no, RefundState.ABSENT, None)
        return self._refund_fact(refund_no, attempt_no, RefundState.SUCCEEDED, share.parts.insurance_fen)

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        """Give none: the centre writes no bill (docs/adr/0326). Raises: BillNotReady."""
        raise BillNotReady(f"{kind.value} of {day}")

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:  # noqa: ARG002  the port's parameters
        """Refuse: the centre is asked. Raises: NotificationRefused."""
        raise NotificationRefused("not_told")

    async def _share(self, attempt_no: str) -> Share:
        """Raises: ChannelUnavailable."""
        db = database()
        order_id = await db.fetchval("SELECT order_id FROM payment_attempt WHERE attempt_no = $1", attempt_no)
        share = None if order_id is None else await share_of(db, order_id)
        if share is None:
            raise ChannelUnavailable("no order of the insurance's has this attempt")
        return share

    async def _ask(self, share: Share) -> InsuranceState:
        """Raises: ChannelUnavailable."""
        try:
            return (await ask(self._centre_of, share)).state
        except OutcomeUnknown as error:
            raise ChannelUnavailable(str(error)) from error

    async def _take_back(self, share: Share) -> None:
        """Raises: ChannelUnavailable."""
        try:
            await take_back(self._centre_of, share)
        except OutcomeUnknown as error:
            raise ChannelUnavailable(str(error)) from error

    def _fact(self, attempt_no: str, state: PaymentState) -> PaymentFact:
        merchant = self.merchant
        return PaymentFact(merchant.channel, merchant.merchant_no, None, attempt_no, state, FactSource.QUERY)

    def _refund_fact(self, refund_no: str, attempt_no: str, state: RefundState, refund_fen: int | None) -> RefundFact:
        merchant = self.merchant
        return RefundFact(
            merchant.channel,
            merchant.merchant_no,
            attempt_no,
            refund_no,
            state,
            FactSource.QUERY,
            refund_fen=refund_fen,
            occurred_at=clock.now(),
        )
