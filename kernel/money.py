"""Money is integer fen; there is no float anywhere near it."""


def format_yuan(amount_fen: int) -> str:
    """Write an amount as people read it: 1250 fen is `¥12.50`."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}¥{yuan}.{fen:02d}"
