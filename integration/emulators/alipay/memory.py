"""What the emulator remembers: its tables, its times and its amounts."""

import re
from datetime import UTC, datetime
from typing import Final

from integration.emulators.common.store import from_ms, to_ms
from kernel.clock import SHANGHAI

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS trade (
    trade_no TEXT PRIMARY KEY,
    app_id TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('UNSCANNED', 'WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_FINISHED', 'TRADE_CLOSED')),
    qr_code TEXT UNIQUE,
    total_fen INTEGER NOT NULL CHECK (total_fen > 0),
    subject TEXT NOT NULL,
    buyer_open_id TEXT NOT NULL DEFAULT '',
    notify_url TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    expire_ms INTEGER NOT NULL,
    pays_ms INTEGER,
    paid_ms INTEGER,
    closed_ms INTEGER,
    UNIQUE (app_id, out_trade_no));
CREATE INDEX IF NOT EXISTS trade_open ON trade (expire_ms) WHERE status = 'WAIT_BUYER_PAY';
CREATE INDEX IF NOT EXISTS trade_paid ON trade (paid_ms);
CREATE TABLE IF NOT EXISTS refund (
    trade_no TEXT NOT NULL REFERENCES trade (trade_no),
    out_request_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    reason TEXT NOT NULL DEFAULT '',
    bank TEXT NOT NULL DEFAULT '' CHECK (bank IN ('', 'S', 'P', 'F')),
    created_ms INTEGER NOT NULL,
    returns_ms INTEGER,
    returned_ms INTEGER,
    PRIMARY KEY (trade_no, out_request_no));
CREATE INDEX IF NOT EXISTS refund_returned ON refund (returned_ms);
CREATE TABLE IF NOT EXISTS download (
    token TEXT PRIMARY KEY, app_id TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL, expire_ms INTEGER NOT NULL);
"""
# Alipay's own limits of one payment: 0.01 to 100,000,000 yuan.
FEN_MAX: Final = 100_000_000_00
_YUAN: Final = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?", re.ASCII)


def yuan(amount_fen: int) -> str:
    """Write an amount in yuan."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def fen(text: object) -> int | None:
    """Read an amount in yuan; None where it is none that may be paid."""
    match = _YUAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    amount = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    return amount if 0 < amount <= FEN_MAX else None


def wall_clock(milliseconds: int) -> str:
    """Write an instant as Alipay does: Shanghai, to the second."""
    return f"{from_ms(milliseconds).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def read_wall_clock(text: object) -> int | None:
    """Read Shanghai's wall clock; None where it is no such time."""
    try:
        read = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        return None
    return to_ms(read.astimezone(UTC))
