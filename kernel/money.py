"""Money is integer fen; there is no float anywhere near it."""

import re
from typing import Final

# At most twelve digits of yuan: more than any account holds, and far below what the database counts with.
_YUAN: Final = re.compile(r"(-?)(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,2}))?", re.ASCII)


def format_yuan(amount_fen: int) -> str:
    """Write an amount as people read it: 1250 fen is `¥12.50`."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}¥{yuan}.{fen:02d}"


def to_yuan(amount_fen: int) -> str:
    """Write an amount as channels that count in yuan want it: 1250 fen is `12.50`."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan}.{fen:02d}"


def from_yuan(text: str) -> int:
    """Read an amount in yuan, exactly: `12.5` is 1250 fen.

    Raises:
        ValueError: not such an amount; more than two decimals are refused, never rounded.
    """
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan")
    sign, yuan, fen = match.groups()
    amount = int(yuan) * 100 + int((fen or "").ljust(2, "0"))
    return -amount if sign else amount
