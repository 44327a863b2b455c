"""The platform's books: receipts by business number, each written off at most once."""

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.store import Store, from_ms, to_ms
from kernel.clock import SHANGHAI

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS receipt (
    bus_no TEXT PRIMARY KEY,
    method TEXT NOT NULL,
    code TEXT NOT NULL,
    number TEXT NOT NULL,
    random TEXT NOT NULL,
    total_fen INTEGER NOT NULL CHECK (total_fen > 0),
    content TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    red_code TEXT, red_number TEXT, red_random TEXT, red_ms INTEGER, red_reason TEXT,
    UNIQUE (code, number));
CREATE TABLE IF NOT EXISTS noise (noise TEXT PRIMARY KEY, at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS noise_at ON noise (at_ms);
"""
REGION: Final = "44"
NOISE_KEPT_MS: Final = 86_400_000
CODES: Final = {
    "invEBillRegistration": "060101",
    "invoiceEBillOutpatient": "060102",
    "invEBillHospitalized": "060103",
}
WANTED: Final = ("busNo", "busType", "payer", "busDateTime", "placeCode", "payee", "author", "totalAmt", "patientNo")
BUSINESS_TYPES: Final = {
    "invEBillRegistration": "06",
    "invoiceEBillOutpatient": "02",
    "invEBillHospitalized": "01",
}
_YUAN: Final = re.compile(r"(0|[1-9][0-9]{0,11})\.([0-9]{2})", re.ASCII)
_TIME: Final = re.compile(r"20[0-9]{15}", re.ASCII)

Message = dict[str, Any]


class FiscalNo(Exception):
    """The platform refuses; code is what `result` says."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


class Receipts:
    """What the platform does; every method is one transaction."""

    def __init__(self, store: Store, clock: EmulatorClock) -> None:
        self._store = store
        self._clock = clock

    def issue(self, method: str, data: Mapping[str, Any]) -> Message:
        """Issue a receipt; a repetition with the same content gives the same one."""
        _require_issuable(method, data)
        content = json.dumps(data, ensure_ascii=False, sort_keys=True)
        with self._store.transaction():
            known = self._store.row("SELECT * FROM receipt WHERE bus_no = ?", data["busNo"])
            if known is not None:
                if known["content"] != content or known["method"] != method:
                    raise FiscalNo("E0201", "业务流水号已存在")
                return self._issued(known)
            code = f"{REGION}{CODES[method]}{from_ms(self._now_ms()).astimezone(SHANGHAI):%y}"
            self._store.execute(
                "INSERT INTO receipt (bus_no, method, code, number, random, total_fen, content, created_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                data["busNo"],
                method,
                code,
                f"{self._store.next_number(code):010d}",
                secrets.token_hex(3),
                _fen(data["totalAmt"]),
                content,
                self._now_ms(),
            )
        return self._issued(self._by_business(str(data["busNo"])))

    def write_off(self, data: Mapping[str, Any]) -> Message:
        """Write a receipt off by a red one, once."""
        for name in ("billBatchCode", "billNo", "reason", "operator", "busDateTime", "placeCode"):
            if not data.get(name):
                raise FiscalNo("E0101", f"{name} 不能为空")
        with self._store.transaction():
            row = self._by_name(data)
            if row["red_number"] is not None:
                raise FiscalNo("E0302", "电子票据已冲红")
            self._store.execute(
                "UPDATE receipt SET red_code = code, red_number = ?, red_random = ?, red_ms = ?, red_reason = ?"
                " WHERE bus_no = ? AND red_number IS NULL",
                f"{self._store.next_number(row['code']):010d}",
                secrets.token_hex(3),
                self._now_ms(),
                str(data["reason"]),
                row["bus_no"],
            )
        row = self._by_business(row["bus_no"])
        return {
            "eScarletBillBatchCode": row["red_code"],
            "eScarletBillNo": row["red_number"],
            "eScarletRandom": row["red_random"],
            "createTime": _time(row["red_ms"]),
            "billQRCode": "",
            "pictureUrl": self._page(row["red_code"], row["red_number"]),
            "pictureNetUrl": self._page(row["red_code"], row["red_number"]),
            "billBusDate": _time(row["red_ms"]),
        }

    def by_business_number(self, data: Mapping[str, Any]) -> Message:
        """Give the receipt of a business number."""
        row = self._by_business(str(data.get("busNo")))
        return self._issued(row) | self._state(row)

    def by_name(self, data: Mapping[str, Any]) -> Message:
        """Give how a receipt stands: state 1 normal, 2 void; isScarlet 1 written off."""
        row = self._by_name(data)
        return {"billBatchCode": row["code"], "billNo": row["number"]} | self._state(row)

    def list_all(self) -> list[Message]:
        """Show the books, for those who drive the sandbox."""
        rows = self._store.rows("SELECT * FROM receipt ORDER BY created_ms, rowid LIMIT 1000")
        return [{name: row[name] for name in row.keys() if name != "content"} for row in rows]  # noqa: SIM118  a Row

    def remember(self, noise: str) -> bool:
        """Tell whether a noise is seen for the first time in a day."""
        now_ms = self._now_ms()
        with self._store.transaction():
            self._store.execute("DELETE FROM noise WHERE at_ms < ?", now_ms - NOISE_KEPT_MS)
            return self._store.execute("INSERT OR IGNORE INTO noise (noise, at_ms) VALUES (?, ?)", noise, now_ms) == 1

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())

    def _by_business(self, bus_no: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM receipt WHERE bus_no = ?", bus_no)
        if row is None:
            raise FiscalNo("E0404", "未找到电子票据")
        return row

    def _by_name(self, data: Mapping[str, Any]) -> sqlite3.Row:
        row = self._store.row(
            "SELECT * FROM receipt WHERE code = ? AND number = ?",
            str(data.get("billBatchCode")),
            str(data.get("billNo")),
        )
        if row is None:
            raise FiscalNo("E0404", "未找到电子票据")
        return row

    def _issued(self, row: sqlite3.Row) -> Message:
        page = self._page(row["code"], row["number"])
        return {
            "billBatchCode": row["code"],
            "billNo": row["number"],
            "random": row["random"],
            "createTime": _time(row["created_ms"]),
            "billQRCode": "",
            "pictureUrl": page,
            "pictureNetUrl": page,
            "billBusDate": _time(row["created_ms"]),
        }

    def _state(self, row: sqlite3.Row) -> Message:
        return {
            "totalAmt": f"{row['total_fen'] // 100}.{row['total_fen'] % 100:02d}",
            "state": "1",
            "isScarlet": "0" if row["red_number"] is None else "1",
            "scarletBillBatchCode": row["red_code"] or "",
            "scarletBillNo": row["red_number"] or "",
        }

    def _page(self, code: str, number: str) -> str:
        return f"https://fiscal.example.invalid/billcheck/{code}/{number}"


def _require_issuable(method: str, data: Mapping[str, Any]) -> None:
    for name in WANTED:
        if not isinstance(data.get(name), str) or not data[name]:
            raise FiscalNo("E0101", f"{name} 不能为空")
    if data["busType"] != BUSINESS_TYPES[method]:
        raise FiscalNo("E0102", "busType 无效")
    if not _TIME.fullmatch(data["busDateTime"]):
        raise FiscalNo("E0102", "busDateTime 无效")
    total = _fen(data["totalAmt"])
    charges, channels = data.get("chargeDetail"), data.get("payChannelDetail")
    if not isinstance(charges, list) or not charges or not isinstance(channels, list) or not channels:
        raise FiscalNo("E0101", "chargeDetail、payChannelDetail 不能为空")
    if not total or sum(_fen(_of(one, "amt")) for one in charges) != total:
        raise FiscalNo("E0103", "总金额与收费项目金额不一致")
    if sum(_fen(_of(one, "payChannelValue")) for one in channels) != total:
        raise FiscalNo("E0103", "总金额与交费渠道金额不一致")


def _of(one: object, name: str) -> object:
    return one.get(name) if isinstance(one, dict) else None


def _fen(text: object) -> int:
    match = _YUAN.fullmatch(str(text))
    if match is None:
        raise FiscalNo("E0102", "金额无效")
    return int(match[1]) * 100 + int(match[2])


def _time(milliseconds: int) -> str:
    return f"{from_ms(milliseconds).astimezone(SHANGHAI):%Y%m%d%H%M%S}{milliseconds % 1000:03d}"
