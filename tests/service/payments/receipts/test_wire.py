"""The fiscal platform's wire: what is signed and how, on both sides, field by field."""

import base64
import hashlib
import json
import subprocess
from typing import Any

import pytest

from kernel import clock
from kernel.ids import new_id
from payments.receipts.bosi import BosiFiscal, FiscalAccount, sign
from payments.receipts.errors import FiscalRefused, FiscalUnavailable
from payments.receipts.port import FiscalNumber, Payer, ReceiptItem, ReceiptKind, ReceiptRequest
from runtime.sandbox_channels import FISCAL_APP_ID as APP_ID
from tests.service.payments.receipts.conftest import Cashier, item


def request(fen: int = 1250, kind: ReceiptKind = ReceiptKind.OUTPATIENT) -> ReceiptRequest:
    items = [ReceiptItem("09", "西药费", "盒", "2", fen - 50), item(50, "12")]
    return ReceiptRequest(new_id().hex, kind, Payer("陈测试", "P1"), "wechatpay", fen, items, clock.now())


def by_hand(cashier: Cashier, asked: dict[str, Any], **changes: str) -> dict[str, str]:
    packed = base64.b64encode(json.dumps(asked).encode()).decode()
    body = {"appid": APP_ID, "data": packed, "noise": new_id().hex, "version": "1.0"} | changes
    ordered = ("appid", body["appid"]), ("data", body["data"]), ("noise", body["noise"]), ("key", cashier.key)
    content = "&".join(f"{name}={value}" for name, value in (*ordered, ("version", body["version"])))
    return {"sign": hashlib.md5(content.encode()).hexdigest().upper()} | body  # noqa: S324  what the platform speaks


async def told(cashier: Cashier, method: str, body: dict[str, str]) -> tuple[str, Any]:
    answer = (await cashier.process.control.post(f"/api/medical/{method}", json=body)).json()
    expected = sign(app_id=APP_ID, data=answer["data"], noise=answer["noise"], key=cashier.key)
    assert set(answer) == {"data", "noise", "sign"}
    assert answer["sign"] == expected
    inner = json.loads(base64.b64decode(answer["data"]))
    return inner["result"], base64.b64decode(inner["message"]).decode()


def test_signatures_are_what_openssl_makes_of_the_same_words() -> None:
    content = f"appid={APP_ID}&data=eyJ9&noise=n1&key=shared&version=1.0"
    command = ["openssl", "dgst", "-md5"]
    done = subprocess.run(command, input=content.encode(), capture_output=True, check=True)
    assert sign(app_id=APP_ID, data="eyJ9", noise="n1", key="shared") == done.stdout.decode().split()[-1].upper()


@pytest.mark.parametrize(
    ("kind", "prefix"), [(ReceiptKind.REGISTRATION, "44060101"), (ReceiptKind.OUTPATIENT, "44060102"),
                         (ReceiptKind.INPATIENT, "44060103")],
)  # fmt: skip
async def test_each_kind_of_care_has_its_form(cashier: Cashier, kind: ReceiptKind, prefix: str) -> None:
    asked = request(1250, kind)
    issued = await cashier.fiscal.issue(asked)
    assert issued.name.code.startswith(prefix)
    assert await cashier.fiscal.issue(asked) == issued
    state = await cashier.fiscal.find(asked.business_no, occurred_at=asked.occurred_at)
    assert state is not None
    assert (state.issued, state.amount_fen, state.red) == (issued, 1250, None)


async def test_a_known_number_with_other_content_is_recognised_by_its_amount(cashier: Cashier) -> None:
    asked = request(1250)
    issued = await cashier.fiscal.issue(asked)
    renamed = ReceiptRequest(
        asked.business_no, asked.kind, Payer("陈改名", "P1"), "wechatpay", 1250, asked.items, asked.occurred_at
    )
    assert await cashier.fiscal.issue(renamed) == issued
    dearer = ReceiptRequest(
        asked.business_no, asked.kind, asked.payer, "wechatpay", 1251, [item(1251)], asked.occurred_at
    )
    with pytest.raises(FiscalRefused, match="E0201"):
        await cashier.fiscal.issue(dearer)


async def test_a_receipt_is_written_off_once_and_twice_is_no_error(cashier: Cashier) -> None:
    asked = request()
    issued = await cashier.fiscal.issue(asked)
    red = await cashier.fiscal.write_off(issued.name, reason="退费")
    assert await cashier.fiscal.write_off(issued.name, reason="退费") == red
    assert red != issued.name
    state = await cashier.fiscal.find(asked.business_no, occurred_at=asked.occurred_at)
    assert state is not None
    assert state.red == red
    with pytest.raises(FiscalRefused, match="E0404"):
        await cashier.fiscal.write_off(FiscalNumber("44060102", "0000000000"), reason="退费")


async def test_what_nobody_issued_is_not_found(cashier: Cashier) -> None:
    assert await cashier.fiscal.find(new_id().hex, occurred_at=clock.now()) is None


async def test_another_key_is_refused_on_both_sides(cashier: Cashier) -> None:
    account = FiscalAccount(app_id=APP_ID, key="another-key-altogether", place_code="GZ01", operator="x")
    stranger = BosiFiscal(base_url=cashier.process.url, account=account)
    before = await cashier.books()
    try:
        # The platform refuses, and its answer is not believed either: it is signed with a key that we do not have.
        with pytest.raises(FiscalUnavailable, match="signature"):
            await stranger.issue(request())
    finally:
        await stranger.aclose()
    assert await cashier.books() == before


async def test_the_platform_refuses_what_is_not_signed_or_said_twice(cashier: Cashier) -> None:
    asked = {"busNo": "1", "busDateTime": "20261123083000000"}
    body = by_hand(cashier, asked)
    assert (await told(cashier, "getEBillByBusNo", body))[0] == "E0404"
    assert (await told(cashier, "getEBillByBusNo", body))[0] == "E0005"
    assert (await told(cashier, "getEBillByBusNo", by_hand(cashier, asked, sign="0" * 32)))[0] == "E0004"
    assert (await told(cashier, "getEBillByBusNo", by_hand(cashier, asked, version="2.0")))[0] == "E0003"
    assert (await told(cashier, "getEBillByBusNo", by_hand(cashier, asked, appid="OTHER")))[0] == "E0003"
    assert (await told(cashier, "getEBillByBusNo", by_hand(cashier, asked, data="!")))[0] == "E0002"
    assert (await told(cashier, "turnPaper", by_hand(cashier, asked)))[0] == "E0001"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"totalAmt": "12.51"}, "E0103"),
        ({"totalAmt": "12.5"}, "E0102"),
        ({"chargeDetail": []}, "E0101"),
        ({"payChannelDetail": [{"payChannelCode": "05", "payChannelValue": "1.00"}]}, "E0103"),
        ({"payer": ""}, "E0101"),
        ({"busType": "01"}, "E0102"),
        ({"busDateTime": "2026-11-23"}, "E0102"),
    ],
)
async def test_the_platform_refuses_receipts_that_do_not_add_up(
    cashier: Cashier, changes: dict[str, Any], code: str
) -> None:
    data = cashier.fiscal._describe(request()) | changes
    assert (await told(cashier, "invoiceEBillOutpatient", by_hand(cashier, data)))[0] == code


async def test_a_receipt_is_asked_for_field_by_field(cashier: Cashier) -> None:
    asked = request()
    data = cashier.fiscal._describe(asked)
    assert data["busType"] == "02"
    assert data["payChannelDetail"] == [{"payChannelCode": "05", "payChannelValue": "12.50"}]
    assert data["chargeDetail"] == [
        {"sortNo": 1, "chargeCode": "09", "chargeName": "西药费", "unit": "盒", "std": "6.00", "number": "2",
         "amt": "12.00", "selfAmt": "0.00"},
        {"sortNo": 2, "chargeCode": "12", "chargeName": "挂号费", "unit": "次", "std": "0.50", "number": "1",
         "amt": "0.50", "selfAmt": "0.00"},
    ]  # fmt: skip
    assert len(data["busDateTime"]) == 17
    result, message = await told(cashier, "invoiceEBillOutpatient", by_hand(cashier, data))
    assert result == "S0000"
    assert set(json.loads(message)) == {
        "billBatchCode", "billNo", "random", "createTime", "billQRCode", "pictureUrl", "pictureNetUrl", "billBusDate",
    }  # fmt: skip
