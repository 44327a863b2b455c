"""
SmsError
├── SendRefused   the gateway said no and sent nothing
├── NotReached    no request left, nothing was sent
└── AnswerLost    nobody knows whether it was sent
"""


class SmsError(Exception):
    """The gateway did not do what it was asked. code: what it called the reason, where it answered."""

    def __init__(self, code: str | None = None) -> None:
        # Never the gateway's message: it may quote the number.
        super().__init__(code or "")
        self.code = code


class SendRefused(SmsError):
    """A refusal by the gateway's own word."""


class NotReached(SmsError):
    """There was no connection by which a request could have left."""


class AnswerLost(SmsError):
    """The request had left when the answer failed to come, or the gateway does not know either."""
