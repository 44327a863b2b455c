"""The emulator's tables; amounts in fen, instants in milliseconds."""

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS trade (
    merchant_no TEXT NOT NULL, out_trade_no TEXT NOT NULL, app_id TEXT NOT NULL, trade_type TEXT NOT NULL,
    description TEXT NOT NULL, total_fen INTEGER NOT NULL, notify_url TEXT NOT NULL, asked_openid TEXT, attach TEXT,
    expires_ms INTEGER, prepay_id TEXT NOT NULL UNIQUE, prepaid_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('NOTPAY', 'USERPAYING', 'SUCCESS', 'CLOSED', 'REFUND')),
    transaction_id TEXT UNIQUE, openid TEXT, paid_fen INTEGER, paid_app_id TEXT, success_ms INTEGER,
    created_ms INTEGER NOT NULL, signer TEXT NOT NULL, PRIMARY KEY (merchant_no, out_trade_no));
CREATE INDEX IF NOT EXISTS trade_success ON trade (merchant_no, success_ms);
CREATE TABLE IF NOT EXISTS refund (
    merchant_no TEXT NOT NULL, out_refund_no TEXT NOT NULL, refund_id TEXT NOT NULL UNIQUE, out_trade_no TEXT NOT NULL,
    refund_fen INTEGER NOT NULL, total_fen INTEGER NOT NULL, reason TEXT, notify_url TEXT,
    status TEXT NOT NULL CHECK (status IN ('PROCESSING', 'SUCCESS', 'CLOSED', 'ABNORMAL')),
    created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, success_ms INTEGER, signer TEXT NOT NULL,
    PRIMARY KEY (merchant_no, out_refund_no),
    FOREIGN KEY (merchant_no, out_trade_no) REFERENCES trade (merchant_no, out_trade_no));
CREATE INDEX IF NOT EXISTS refund_trade ON refund (merchant_no, out_trade_no);
CREATE INDEX IF NOT EXISTS refund_due ON refund (due_ms) WHERE status = 'PROCESSING';
CREATE TABLE IF NOT EXISTS fund (
    seq INTEGER PRIMARY KEY, merchant_no TEXT NOT NULL, at_ms INTEGER NOT NULL, business_no TEXT NOT NULL,
    flow_no TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, change_fen INTEGER NOT NULL,
    balance_fen INTEGER NOT NULL, note TEXT NOT NULL, voucher TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS fund_day ON fund (merchant_no, at_ms);
CREATE TABLE IF NOT EXISTS bill (
    merchant_no TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (merchant_no, kind, day));
"""
