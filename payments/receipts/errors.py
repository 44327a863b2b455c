"""
FiscalError
├── FiscalUnavailable   what the fiscal platform did is not known; the same may be asked again
└── FiscalRefused       a definite no, with its own code

ReceiptError
├── ReceiptNotFound     receipts.not_found
└── ReceiptNotRefused   receipts.not_refused    current_status
"""

from kernel.errors import Conflict, NotFound


class FiscalError(Exception):
    """The fiscal platform did not do as it was asked; none of these reaches a patient."""


class FiscalUnavailable(FiscalError):
    """No answer, or one that cannot be trusted."""


class FiscalRefused(FiscalError):
    """The fiscal platform refuses, and will refuse the same again; code is its own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ReceiptNotFound(NotFound):
    """No such receipt."""

    code = "receipts.not_found"
    zh = "没有找到该电子票据"
    en = "This receipt could not be found."


class ReceiptNotRefused(Conflict):
    """Only a receipt that the fiscal platform has refused is asked for again; `current_status` says how it stands."""

    code = "receipts.not_refused"
    zh = "该电子票据不处于开具失败状态"
    en = "This receipt has not been refused."
