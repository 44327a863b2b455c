"""The centre's books: bills, what the insurance pays of each, and what went back of it."""

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store, to_ms
from kernel.clock import SHANGHAI
from kernel.money import from_yuan, to_yuan

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bill (
    pay_ord_id TEXT PRIMARY KEY, pay_token TEXT NOT NULL, org_codg TEXT NOT NULL, med_org_ord TEXT NOT NULL,
    content TEXT NOT NULL, auth_no TEXT NOT NULL, person TEXT NOT NULL, visit TEXT NOT NULL,
    total_fen INTEGER NOT NULL CHECK (total_fen > 0), status TEXT NOT NULL,
    pooled_fen INTEGER, account_fen INTEGER, own_fen INTEGER, created_ms INTEGER NOT NULL,
    UNIQUE (org_codg, med_org_ord),
    CHECK (pooled_fen IS NULL OR pooled_fen + account_fen + own_fen = total_fen));
CREATE TABLE IF NOT EXISTS bill_refund (
    app_refd_sn TEXT PRIMARY KEY, pay_ord_id TEXT NOT NULL REFERENCES bill (pay_ord_id), content TEXT NOT NULL,
    insurance_fen INTEGER NOT NULL, own_fen INTEGER NOT NULL, status TEXT NOT NULL, at_ms INTEGER NOT NULL);
"""
REGION: Final = "440100"
UPLOAD_WANTED: Final = (
    "orgCodg", "psnNo", "insutype", "insuCode", "mdtrtId", "medOrgOrd", "begntime", "idNo", "userName", "idType",
    "iptOtpNo", "deptName", "deptCode", "caty", "medType", "feeType", "psnSetlway", "chrgBchno", "pubHospRfomFlag",
    "payAuthNo", "medfeeSumamt",
)  # fmt: skip
PAY_WANTED: Final = (
    "payAuthNo", "payOrdId", "payToken", "orgCodg", "orgBizSer", "chrgBchno", "feeType", "mdtrtId"
)  # fmt: skip
ABOUT_WANTED: Final = ("payOrdId", "payToken", "orgCodg", "idNo", "userName", "idType")
REFUND_WANTED: Final = (
    "appId", "payOrdId", "payAuthNo", "appRefdSn", "appRefdTime", "totlRefdAmt", "fundRefdAmt", "psnAcctRefdAmt",
    "cashRefdAmt", "refdType",
)  # fmt: skip
SAVED, DECIDED, UNPAID, INSURANCE_DONE, DONE = "0", "1", "2", "4", "6"
ALL_BACK, INSURANCE_BACK, CASH_BACK, SOME_CASH_BACK, INSURANCE_AND_SOME_CASH_BACK = "7", "8", "9", "10", "11"
REVOKED, UNCLEAR, FAILED = "12", "14", "15"
PAID: Final = frozenset({INSURANCE_DONE, "5", DONE, CASH_BACK, SOME_CASH_BACK, INSURANCE_BACK,
                         INSURANCE_AND_SOME_CASH_BACK})  # fmt: skip
ACTS: Final = {"pay": DONE, "insurance": INSURANCE_DONE, "fail": FAILED, "unclear": UNCLEAR}
_STAMP: Final = re.compile(r"20[0-9]{12}", re.ASCII)

Message = dict[str, Any]


class CentreNo(Exception):
    """The centre refuses; code is what the answer's `code` says."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


class Orders:
    """What the centre does; every method is one transaction."""

    def __init__(self, store: Store, clock: EmulatorClock) -> None:
        self._store = store
        self._clock = clock

    def upload(self, data: Mapping[str, Any]) -> Message:
        """Take a bill (6201); the same again is the same order."""
        _require(data, UPLOAD_WANTED)
        total = _fen(data["medfeeSumamt"])
        items = data.get("feedetailList")
        if not isinstance(items, list) or not items or not total:
            raise CentreNo("1001", "feedetailList 不能为空")
        if sum(_fen(one.get("detItemFeeSumamt") if isinstance(one, dict) else None) for one in items) != total:
            raise CentreNo("1002", "明细金额与总金额不一致")
        content = _canonical(data)
        with self._store.transaction():
            known = self._store.row(
                "SELECT * FROM bill WHERE org_codg = ? AND med_org_ord = ?", data["orgCodg"], data["medOrgOrd"]
            )
            if known is not None and known["content"] != content:
                raise CentreNo("2001", "医药机构订单号已存在")
            if known is None:
                known = self._save(data, content, total)
        return {"payOrdId": known["pay_ord_id"], "payToken": known["pay_token"], "mdtrtId": known["visit"]}

    def pay(self, data: Mapping[str, Any], *, pooled_percent: int, account_percent: int, fails: bool) -> Message:
        """Decide what the insurance pays, and wait for the person (6202)."""
        _require(data, PAY_WANTED)
        with self._store.transaction():
            bill = self._of(data)
            if data["payAuthNo"] != bill["auth_no"] or data["mdtrtId"] != bill["visit"]:
                raise CentreNo("2003", "授权或就诊信息与订单不符")
            if bill["status"] in (SAVED, DECIDED):
                pooled = bill["total_fen"] * pooled_percent // 100
                account = bill["total_fen"] * account_percent // 100
                self._store.execute(
                    "UPDATE bill SET status = ?, pooled_fen = ?, account_fen = ?, own_fen = total_fen - ? - ?"
                    " WHERE pay_ord_id = ?",
                    FAILED if fails else UNPAID, pooled, account, pooled, account, bill["pay_ord_id"],
                )  # fmt: skip
        return _told(self._of(data))

    def query(self, data: Mapping[str, Any]) -> Message:
        """Tell how a bill stands (6301)."""
        _require(data, ABOUT_WANTED)
        bill = self._of(data)
        told = _told(bill)
        if bill["status"] in PAID:
            told |= {
                "setlType": "ALL", "callType": "02", "medOrgOrd": bill["med_org_ord"],
                "traceTime": f"{self._clock.now().astimezone(SHANGHAI):%Y%m%d%H%M%S}", "revsToken": bill["pay_token"],
            }  # fmt: skip
        return told

    def refund(self, data: Mapping[str, Any]) -> Message:
        """Send back all, the cash, or the insurance's part (6203); the same number again is the same refund."""
        _require(data, REFUND_WANTED)
        total, pooled, account, own = (
            _fen(data[name]) for name in ("totlRefdAmt", "fundRefdAmt", "psnAcctRefdAmt", "cashRefdAmt")
        )
        if not _STAMP.fullmatch(str(data["appRefdTime"])) or not total or pooled + account + own != total:
            raise CentreNo("1002", "退费金额或时间无效")
        content = _canonical({name: value for name, value in data.items() if name != "appRefdTime"})
        with self._store.transaction():
            known = self._store.row("SELECT * FROM bill_refund WHERE app_refd_sn = ?", data["appRefdSn"])
            if known is not None:
                if known["content"] != content:
                    raise CentreNo("2004", "退款流水号已存在")
                return {"refStatus": known["status"]}
            bill = self._store.row("SELECT * FROM bill WHERE pay_ord_id = ?", data["payOrdId"])
            if bill is None or bill["auth_no"] != data["payAuthNo"]:
                raise CentreNo("2002", "订单不存在")
            self._send_back(bill, data, content, pooled=pooled, account=account, own=own)
        return {"refStatus": "SUCC"}

    def revoke(self, data: Mapping[str, Any]) -> Message:
        """Forget a bill that nothing was paid of (6401); twice is no error."""
        _require(data, ABOUT_WANTED)
        with self._store.transaction():
            bill = self._of(data)
            if bill["status"] not in (SAVED, DECIDED, UNPAID, REVOKED):
                raise CentreNo("2005", "订单状态不允许撤销")
            self._store.execute("UPDATE bill SET status = ? WHERE pay_ord_id = ?", REVOKED, bill["pay_ord_id"])
        return {"success": True, "message": "撤销成功"}

    def act(self, pay_ord_id: str, act: str) -> None:
        """Do what the person or the insurance does: pay, insurance (its part alone), fail, unclear.

        Raises:
            ControlRefused: no such act, or the bill does not wait for it.
        """
        if act not in ACTS:
            raise ControlRefused(f"act is one of {', '.join(sorted(ACTS))}")
        waits = (UNPAID, UNCLEAR, INSURANCE_DONE) if act == "pay" else (UNPAID, UNCLEAR)
        with self._store.transaction():
            bill = self._store.row("SELECT status FROM bill WHERE pay_ord_id = ?", pay_ord_id)
            waiting = bill is not None and bill["status"] in waits
            if waiting:
                self._store.execute("UPDATE bill SET status = ? WHERE pay_ord_id = ?", ACTS[act], pay_ord_id)
        if not waiting:
            raise ControlRefused("no bill of that number waits for it")

    def find_unpaid(self, pay_ord_id: str) -> sqlite3.Row | None:
        """Give a bill that waits for the person's yes."""
        return self._store.row(
            "SELECT pay_ord_id, pooled_fen, account_fen FROM bill WHERE pay_ord_id = ? AND status IN (?, ?)",
            pay_ord_id,
            UNPAID,
            UNCLEAR,
        )

    def show(self) -> list[Message]:
        """Show the books, for those who drive the sandbox, without persons."""
        rows = self._store.rows(
            "SELECT pay_ord_id, med_org_ord, total_fen, pooled_fen, account_fen, own_fen, status,"
            " (SELECT coalesce(sum(insurance_fen), 0) FROM bill_refund r WHERE r.pay_ord_id = b.pay_ord_id)"
            " AS insurance_back_fen, (SELECT coalesce(sum(own_fen), 0) FROM bill_refund r"
            " WHERE r.pay_ord_id = b.pay_ord_id) AS own_back_fen FROM bill b ORDER BY created_ms, rowid LIMIT 1000"
        )
        return [dict(row) for row in rows]

    def _save(self, data: Mapping[str, Any], content: str, total_fen: int) -> sqlite3.Row:
        at = self._clock.now()
        number = self._store.next_number("bill")
        self._store.execute(
            "INSERT INTO bill (pay_ord_id, pay_token, org_codg, med_org_ord, content, auth_no, person, visit,"
            " total_fen, status, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            f"ORD{REGION}{at.astimezone(SHANGHAI):%Y%m%d%H%M}{number:07d}", secrets.token_hex(16), data["orgCodg"],
            data["medOrgOrd"], content, data["payAuthNo"], _person(data), data["mdtrtId"], total_fen, SAVED, to_ms(at),
        )  # fmt: skip
        row = self._store.row("SELECT * FROM bill WHERE med_org_ord = ?", data["medOrgOrd"])
        assert row is not None, "it was just written"
        return row

    def _of(self, data: Mapping[str, Any]) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM bill WHERE pay_ord_id = ?", data["payOrdId"])
        if row is None or not secrets.compare_digest(row["pay_token"].encode(), data["payToken"].encode()):
            raise CentreNo("2002", "订单不存在")
        if row["org_codg"] != data["orgCodg"] or ("idNo" in data and row["person"] != _person(data)):
            raise CentreNo("2003", "机构或人员信息与订单不符")
        return row

    def _send_back(
        self, bill: sqlite3.Row, data: Mapping[str, Any], content: str, *, pooled: int, account: int, own: int
    ) -> None:
        if bill["status"] not in PAID:
            raise CentreNo("2005", "订单状态不允许退费")
        gone = self._store.row(
            "SELECT coalesce(sum(insurance_fen), 0) AS insurance, coalesce(sum(own_fen), 0) AS own FROM bill_refund"
            " WHERE pay_ord_id = ?",
            bill["pay_ord_id"],
        )
        assert gone is not None, "a sum is a row"
        insured = bill["pooled_fen"] + bill["account_fen"]
        is_insurance_whole = (pooled, account) == (bill["pooled_fen"], bill["account_fen"]) and not gone["insurance"]
        fits = {
            "ALL": is_insurance_whole and own == bill["own_fen"] and not gone["own"],
            "CASH": not pooled and not account and gone["own"] + own <= bill["own_fen"],
            "HI": is_insurance_whole and insured > 0 and not own,
        }
        if not fits.get(str(data["refdType"]), False):
            raise CentreNo("2006", "退费金额与订单不符")
        insurance_back, own_back = gone["insurance"] + pooled + account, gone["own"] + own
        self._store.execute(
            "INSERT INTO bill_refund (app_refd_sn, pay_ord_id, content, insurance_fen, own_fen, status, at_ms)"
            " VALUES (?, ?, ?, ?, ?, 'SUCC', ?)",
            data["appRefdSn"], bill["pay_ord_id"], content, pooled + account, own, to_ms(self._clock.now()),
        )  # fmt: skip
        self._store.execute(
            "UPDATE bill SET status = ? WHERE pay_ord_id = ?",
            _after_refund(insured - insurance_back, own_back, bill["own_fen"]),
            bill["pay_ord_id"],
        )


def _after_refund(insurance_left: int, own_back: int, own: int) -> str:
    if insurance_left:
        return CASH_BACK if own_back == own else SOME_CASH_BACK
    if own_back == own:
        return ALL_BACK
    return INSURANCE_AND_SOME_CASH_BACK if own_back else INSURANCE_BACK


def _told(bill: sqlite3.Row) -> Message:
    told = {"payOrdId": bill["pay_ord_id"], "ordStas": bill["status"]}
    if bill["pooled_fen"] is None:
        return told
    return told | {
        "feeSumamt": to_yuan(bill["total_fen"]),
        "fundPay": to_yuan(bill["pooled_fen"]),
        "psnAcctPay": to_yuan(bill["account_fen"]),
        "ownPayAmt": to_yuan(bill["own_fen"]),
    }


def _require(data: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if not isinstance(data.get(name), str) or not 1 <= len(data[name]) <= 128:
            raise CentreNo("1001", f"{name} 不能为空")


def _canonical(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def _person(data: Mapping[str, Any]) -> str:
    return _canonical({name: data[name] for name in ("idNo", "userName", "idType")})


def _fen(text: object) -> int:
    try:
        amount = from_yuan(str(text))
    except ValueError as error:
        raise CentreNo("1002", "金额无效") from error
    if amount < 0:
        raise CentreNo("1002", "金额无效")
    return amount
