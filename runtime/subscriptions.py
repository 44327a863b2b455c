"""Which features keep which of their records in step with the core HIS."""

import booking.his
import patients.his
from integration.his.subscriptions import Subscriptions


def build_subscriptions() -> Subscriptions:
    """Join what the features have to tell the HIS, to hear from it, and to compare with it."""
    return Subscriptions.join(
        outbound=(*patients.his.OUTBOUND, *booking.his.OUTBOUND),
        inbound=(*patients.his.INBOUND, *booking.his.INBOUND),
        comparers=booking.his.COMPARERS,
    )
