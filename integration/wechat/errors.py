"""
WeChatError
├── CodeRefused   a login or phone code that is unknown, used, over or of a person whom WeChat holds back
├── CallRefused   any other no of WeChat's; nothing was done
├── WeChatBusy    nothing was done, and it may be asked again later
└── AnswerLost    nobody knows whether it was done
"""


class WeChatError(Exception):
    """WeChat did not do what it was asked. errcode: what it called the reason, where it answered."""

    def __init__(self, errcode: int | None = None) -> None:
        # Never what the library says: it quotes the address, in which the secret or a token stands.
        super().__init__("" if errcode is None else f"errcode {errcode}")
        self.errcode = errcode


class CodeRefused(WeChatError):
    """A code that the mini-program was given is worth nothing."""


class CallRefused(WeChatError):
    """WeChat refuses, and will refuse the same again."""


class WeChatBusy(WeChatError):
    """WeChat cannot now: busy, asked too often, not reached, or it takes none of our tokens."""


class AnswerLost(WeChatError):
    """The request had left when the answer failed to come."""
