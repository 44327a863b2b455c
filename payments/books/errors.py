"""
HospitalError
├── BillUnreadable          books.bill_unreadable          reason, line
├── ClosingNotFound         books.closing_not_found
├── DayNotOver              books.day_not_over
├── DayAlreadyClosed        books.day_closed
├── BooksOutdated           books.outdated
├── RunSuperseded           books.run_superseded
├── BooksNotReady           books.not_ready                waiting_for
├── BooksDoNotBalance       books.do_not_balance           accounts
├── ClosingAlreadyRequested books.already_requested
├── ClosingNotRequested     books.not_requested
├── TooManyDifferences      books.too_many_differences
├── DifferenceNotFound      books.difference_not_found
└── DifferenceSettled       books.difference_settled       current_status
"""

from kernel.errors import Conflict, Invalid, NotFound, Unavailable


class BillUnreadable(Invalid):
    """A channel's bill that is not what a bill has to be; nothing of it was taken. `reason` is a stable word."""

    code = "books.bill_unreadable"
    zh = "渠道账单无法读取，未导入任何记录"
    en = "The channel's bill cannot be read. Nothing of it was taken over."


class ClosingNotFound(NotFound):
    """No books were kept of this day."""

    code = "books.closing_not_found"
    zh = "没有找到该日的对账记录"
    en = "There are no books of this day."


class DayNotOver(Conflict):
    """Books are kept of days that are over."""

    code = "books.day_not_over"
    zh = "该日尚未结束，不能对账"
    en = "This day is not over yet, so its books cannot be kept."


class DayAlreadyClosed(Conflict):
    """The books of this day are closed; a correction belongs to the books of another day."""

    code = "books.day_closed"
    zh = "该日账务已关闭，更正请记入后续日期"
    en = "The books of this day are closed. Corrections go into a later day."


class BooksOutdated(Conflict):
    """Something of the day became known after its books were compared; they have to be kept again."""

    code = "books.outdated"
    zh = "核对之后又有新的记录，请重新对账"
    en = "Something of that day became known since. Please keep its books again."


class RunSuperseded(Conflict):
    """Somebody began the same day's books anew meanwhile; theirs are the ones that count."""

    code = "books.run_superseded"
    zh = "该日对账已被重新发起，请查看最新结果"
    en = "These books were begun anew meanwhile. Please look at the newer ones."


class BooksNotReady(Unavailable):
    """A side has not told its part of the day yet."""

    code = "books.not_ready"
    zh = "对账数据尚未齐全，请稍后再试"
    en = "Not every side has told its part of the day yet. Please try again later."


class BooksDoNotBalance(Conflict):
    """The platform's record and its ledger differ: a fault of our own, and nothing may be closed over it."""

    code = "books.do_not_balance"
    zh = "平台流水与总账不一致，不能关账"
    en = "The record and the ledger do not agree, so the day cannot be closed."


class ClosingAlreadyRequested(Conflict):
    """Somebody has asked for this day to be closed, and it is being done."""

    code = "books.already_requested"
    zh = "该日关账已在进行中"
    en = "These books are being closed already."


class ClosingNotRequested(NotFound):
    """Nobody has asked for this day to be closed."""

    code = "books.not_requested"
    zh = "没有该日的关账申请"
    en = "Nobody has asked for these books to be closed."


class TooManyDifferences(Conflict):
    """So much differs that a side must have told another day, or another merchant; nothing was kept of it."""

    code = "books.too_many_differences"
    zh = "差异过多，请核对账单的日期与商户"
    en = "So much differs that a bill must be of another day or merchant. Please check it."


class DifferenceNotFound(NotFound):
    """There is no such difference."""

    code = "books.difference_not_found"
    zh = "没有找到该差异"
    en = "This difference was not found."


class DifferenceSettled(Conflict):
    """Somebody has settled this difference meanwhile, or it has vanished."""

    code = "books.difference_settled"
    zh = "该差异已处理"
    en = "This difference has been settled already."
