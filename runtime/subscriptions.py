"""Which features keep which of their records in step with the core HIS."""

import booking.his
import patients.his
import payments.bills.news
import payments.inpatient.discharge
from integration.his.subscriptions import Subscriptions


def build_subscriptions() -> Subscriptions:
    """Join what the features have to tell the HIS, to hear from it, and to compare with it."""
    return Subscriptions.join(
        outbound=(*patients.his.OUTBOUND, *booking.his.OUTBOUND),
        inbound=(
            *patients.his.INBOUND,
            *booking.his.INBOUND,
            *payments.bills.news.INBOUND,
            *payments.inpatient.discharge.INBOUND,
        ),
        comparers=booking.his.COMPARERS,
    )
