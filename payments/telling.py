"""What payments tell the notification centre: how orders and refunds go, and bills that the HIS has posted."""

from collections.abc import Mapping, Sequence
from typing import Final

from integration.his.facts import BillFacts
from integration.his.port import InboundChange
from kernel.db import Transaction
from notifications.kinds import Fen, Words
from notifications.telling import Occurrence, tell
from patients.his import load_linked_patients
from payments.events import PaymentEvent, Subscriber

ORDER_KINDS: Final[Mapping[str, Words]] = {
    "registration": Words("挂号费", "registration fee"),
    "outpatient_bill": Words("门诊费用", "outpatient bill"),
    "deposit": Words("住院押金", "inpatient deposit"),
    "discharge": Words("出院结算", "discharge bill"),
}
OTHER_KIND: Final = Words("费用", "payment")
TOLD: Final[Mapping[str, str]] = {
    kind: kind
    for kind in (
        "payment.paid",
        "payment.rejected",
        "payment.refund_requested",
        "payment.refunded",
        "payment.refund_declined",
    )
}


async def tell_payer(tx: Transaction, event: PaymentEvent) -> None:
    """Tell those who act for the patient how an order goes; a refund with its own amount."""
    amount = event.facts.get("amount_fen")
    await tell(
        tx,
        [
            Occurrence(
                key=f"payment_event:{event.id}",
                kind=TOLD[event.kind],
                patient_id=event.patient_id,
                subject_kind="order",
                subject_id=str(event.order_id),
                at=event.at,
                facts={
                    "amount": Fen(amount if isinstance(amount, int) else event.amount_fen),
                    "order_kind": ORDER_KINDS.get(event.order_kind, OTHER_KIND),
                },
            )
        ],
    )


async def tell_of_bill(tx: Transaction, change: InboundChange) -> None:
    """Tell those who act for a patient of a bill that is to be paid, once each."""
    told = change.facts
    assert isinstance(told, BillFacts), "the port gives a bill with this kind"
    number = told.patient.his_number
    if told.status != "unpaid" or number is None:
        return
    known = (await load_linked_patients(tx, [number])).get(number)
    if known is None or known.platform_id is None:
        return
    await tell(
        tx,
        [
            Occurrence(
                key=f"bill:{change.source}:{told.bill_no}"[:120],
                kind="bill.new",
                patient_id=known.platform_id,
                subject_kind="bill",
                subject_id=told.bill_no[:64],
                at=change.occurred_at,
                facts={"amount": Fen(told.total_fen - told.insurance_fen)},
            )
        ],
    )


SUBSCRIBERS: Final[Sequence[tuple[str, Subscriber]]] = tuple((kind, tell_payer) for kind in sorted(TOLD))
