"""A line of a book: one payment or one refund, as one side has it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

_YUAN: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,2})?", re.ASCII)
_FEN_DIGITS: Final = 2


class Side(StrEnum):
    """Whose record a line is from.

    PLATFORM: the money that the platform knows of. REVERSAL: what it had the HIS take back, which happens before the
    money goes and is compared with the HIS alone.
    """

    CHANNEL = "channel"
    PLATFORM = "platform"
    REVERSAL = "reversal"
    HIS = "his"


class LineKind(StrEnum):
    """Which way the money went."""

    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class BookLine:
    """One movement of money; amounts are integer fen and never negative.

    number: ours (the attempt's, or the refund's), by which the channel's line and the platform's are compared.
    settlement_no: ours as the HIS knows it, by which the platform's line and the HIS's are compared.
    channel_no: the channel's own; fee_fen: what the channel keeps of a payment, or gives back with a refund.
    is_of_day: false for a line of shortly before or after, which only explains what crossed midnight.
    """

    kind: LineKind
    number: str
    amount_fen: int
    occurred_at: datetime
    channel_no: str | None = None
    fee_fen: int | None = None
    settlement_no: str | None = None
    is_of_day: bool = True


def parse_yuan(text: str) -> int:
    """Turn an amount in yuan, as bills write it, into fen, exactly.

    Raises:
        ValueError: it is not an amount with at most two digits of fen.
    """
    if not _YUAN.fullmatch(text):
        raise ValueError("not an amount in yuan")
    yuan, _, fen = text.partition(".")
    return int(yuan + fen.ljust(_FEN_DIGITS, "0"))
