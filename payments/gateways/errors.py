"""
GatewayError
├── ChannelUnavailable      the outcome is not known; the same call may be made again
├── ChannelRefused          a definite no, with the channel's own code
├── BillNotReady            the channel has not made the day's bill yet
└── NotificationRefused     a notification that is not the channel's, or not fresh
"""


class GatewayError(Exception):
    """A channel did not do as it was asked; none of these reaches a patient as it is."""


class ChannelUnavailable(GatewayError):
    """No answer, half an answer, or an answer that cannot be trusted: what the channel did is not known."""


class ChannelRefused(GatewayError):
    """The channel refused, and will refuse the same again.

    code: the channel's own; is_paid: it refused because the attempt was paid.
    """

    def __init__(self, code: str, *, is_paid: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_paid = is_paid


class BillNotReady(GatewayError):
    """The day's bill is still being made; ask again later."""


class NotificationRefused(GatewayError):
    """A notification that was not believed; `reason` is a stable word for records and metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
