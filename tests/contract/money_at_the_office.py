"""The cashier's and the finance office's work, a part of the hospital's whole work."""

import io
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook

from kernel import clock
from kernel.ids import new_id
from payments.books import requests
from payments.books.closings import keep_books
from payments.books.lines import Side
from payments.errors import ChannelNotOffered
from tests.contract.conftest import SlotOffice
from tests.factories.books import DAY, RATES, ThreeSides
from tests.factories.open_api import OpenApi
from tests.factories.paying import Till

BASE = "/administration/finance"
WINDOW = "/administration/cashier"


async def keep_the_money(open_api: OpenApi, office: SlotOffice) -> None:
    """Accounts, the drawer, refunds of two persons, exceptions, and a day's books."""
    till = await Till.open(open_api)
    await register_accounts(office)
    await take_and_hand_back(open_api, office, till)
    await pay_out(open_api, office)
    await ask_for_receipts_again(open_api, office)
    await approve_and_decline(open_api, office, till)
    await decide(office, till)
    await look_at_the_books(open_api, office)
    await close_on_request(open_api, office)
    await change_rules(open_api, office)
    await stop_and_resume(office, till)
    await revive(open_api, office)


async def close_on_request(open_api: OpenApi, office: SlotOffice) -> None:
    """Somebody asks for a day to be closed; the timetable does it, and the request says how it went."""
    day = clock.today() - timedelta(days=2)
    path = f"{BASE}/books/{day}/close"
    await office.ask("GET", path, status=404, code="books.not_requested")
    asked = [await office.ask("POST", path, status=202, key="money-close") for _ in range(2)]
    assert asked[0] == asked[1]
    assert (asked[0]["status"], asked[0]["requested_by"]) == ("waiting", office.caller.staff_code)
    await office.ask("POST", path, status=409, code="books.already_requested")
    assert await requests.work_requests(open_api.db) in (0, 1)
    done = await office.ask("GET", path, status=200)
    assert (done["id"], done["status"] in ("closed", "failed")) == (asked[0]["id"], True)
    today = f"{BASE}/books/{clock.today()}/close"
    await office.ask("POST", today, status=409, code="books.day_not_over")


async def change_rules(open_api: OpenApi, office: SlotOffice) -> None:
    """A rule of money is changed by one who proposes and another who approves."""
    first, second = office.caller.staff_code, await open_api.staff()
    rules = await office.ask("GET", f"{BASE}/rules", status=200)
    version, wanted = rules["payment"]["version"], {"approval_above_fen": 40_000, "reason": "内控要求"}
    proposals = f"{BASE}/payment-rule-changes"
    stale = wanted | {"version": version + 7}
    refused = await office.ask("POST", proposals, stale, status=409, code="payments.rule_changed")
    assert refused["current_version"] == version
    bare = {"version": version, "reason": "x"}
    await office.ask("POST", proposals, bare, status=422, code="request.schema_violation")
    asked = wanted | {"version": version}
    made = [await office.ask("POST", proposals, asked, status=201, key="money-rule") for _ in range(2)]
    assert made[0] == made[1]
    assert (made[0]["terms"], made[0]["proposed_by"]) == ({"approval_above_fen": 40_000}, first)
    await office.ask("POST", proposals, asked, status=409, code="payments.rule_change_waiting")
    path = f"{BASE}/rule-changes/{made[0]['id']}"
    await office.ask("POST", f"{path}/approve", status=403, code="payments.second_person_required")
    assert (await office.ask("GET", f"{BASE}/rules", status=200)) == rules
    office.caller.staff_code = second
    approved = [await office.ask("POST", f"{path}/approve", status=200, key="money-approve-rule") for _ in range(2)]
    assert approved[0] == approved[1] == await office.ask("GET", path, status=200)
    await office.ask("POST", f"{path}/decline", status=409, code="payments.rule_change_decided")
    kept = (await office.ask("GET", f"{BASE}/rules", status=200))["payment"]
    assert (kept["approval_above_fen"], kept["version"]) == (40_000, version + 1)
    deposit = {"department_code": "0301", "version": 0, "reason": "x", "minimum_fen": 10, "cap_fen": 50}
    proposals = f"{BASE}/deposit-rule-changes"
    crossed = deposit | {"maximum_fen": 9}
    await office.ask("POST", proposals, crossed, status=422, code="payments.rule_terms_disagree")
    for department in ("0301", "0302"):
        asked = deposit | {"department_code": department, "maximum_fen": 20}
        await office.ask("POST", proposals, asked, status=201)
    waiting = (await office.ask("GET", f"{BASE}/rule-changes?status=proposed", status=200))["items"]
    assert [one["department_code"] for one in waiting] == ["0302", "0301"]
    office.caller.staff_code = first
    await office.ask("POST", f"{BASE}/rule-changes/{waiting[0]['id']}/decline", status=200)
    await office.ask("POST", f"{BASE}/rule-changes/{waiting[1]['id']}/approve", status=200)
    taken = (await office.ask("GET", f"{BASE}/rules", status=200))["deposits"]
    assert [(one["department_code"], one["cap_fen"]) for one in taken[1:]] == [("0301", 50)]
    changes = await office.ask("GET", "/administration/changes?entity=deposit_rule&entity_id=0301", status=200)
    assert [one["staff_code"] for one in changes["items"]] == [first]


async def stop_and_resume(office: SlotOffice, till: Till) -> None:
    """An account that is stopped begins no payment, follows what is under way, and can take money again."""
    running, waiting = await till.order(2500), await till.order(1500)
    attempt = await till.attempt(running)
    account = f"{BASE}/merchants/{attempt.merchant_code}"
    await office.ask("POST", f"{account}/resume", {"reason": "x"}, status=409, code="payments.merchant_not_stopped")
    why = {"reason": "通知密钥疑似泄露"}
    stopped = [await office.ask("POST", f"{account}/stop", why, status=200, key="money-stop") for _ in range(2)]
    assert stopped[0] == stopped[1] == await office.ask("GET", account, status=200)
    assert (stopped[0]["status"], stopped[0]["stopped_at"] is None) == ("stopped", False)
    await office.ask("POST", f"{account}/stop", why, status=409, code="payments.merchant_stopped")
    with pytest.raises(ChannelNotOffered):
        await till.attempt(waiting)
    await till.payments.tell(till.payments.wechat.pay(attempt.attempt_no))
    await till.payments.settle_down()
    assert (await till.payments.look(running)).status == "settled"
    resumed = [await office.ask("POST", f"{account}/resume", why, status=200, key="money-resume") for _ in range(2)]
    assert resumed[0] == resumed[1]
    assert (resumed[0]["status"], resumed[0]["stopped_at"]) == ("active", None)
    await till.attempt(waiting)


async def revive(open_api: OpenApi, office: SlotOffice) -> None:
    """What was tried in vain is listed and tried again, with a reason; what is not payments' own is not there."""
    number = await open_api.db.fetchval(
        "INSERT INTO payment_notification (channel, merchant_code, event_id, event_type, received_at, due_at, status,"
        " tries, outcome) VALUES ('wechatpay', 'm', 'E-dead', 'X', now(), now(), 'dead', 10, 'DataError') RETURNING id"
    )
    letters = [
        await open_api.db.fetchval(
            "INSERT INTO outbox (handler, event_type, aggregate, payload, status, last_error)"
            " VALUES ($1, 'event.tell', 'order:x', '{}', 'dead', 'KeyError') RETURNING id",
            handler,
        )
        for handler in ("payment-events", "receipts", "his")
    ]
    names = [f"letter-{letters[0]}", f"letter-{letters[1]}", f"notification-{number}"]
    first = await office.ask("GET", f"{BASE}/dead-letters?limit=2", status=200)
    rest = await office.ask("GET", f"{BASE}/dead-letters?cursor={first['next']}", status=200)
    assert [one["name"] for one in first["items"] + rest["items"]] == names
    why = {"reason": "程序已修复"}
    for name in names:
        path = f"{BASE}/dead-letters/{name}/revive"
        done = [await office.ask("POST", path, why, status=200, key=f"money-revive-{name}") for _ in range(2)]
        assert done == [{"name": name, "status": "pending"}] * 2
        await office.ask("POST", path, why, status=404, code="payments.dead_letter_not_found")
    for name in (f"letter-{letters[2]}", "letter-0", "letter", "appointment-1"):
        path = f"{BASE}/dead-letters/{name}/revive"
        await office.ask("POST", path, why, status=404, code="payments.dead_letter_not_found")
    assert (await office.ask("GET", f"{BASE}/dead-letters", status=200))["items"] == []
    await open_api.db.execute("DELETE FROM outbox WHERE id = ANY ($1)", letters)
    await open_api.db.execute("DELETE FROM payment_notification WHERE id = $1", number)


async def register_accounts(office: SlotOffice) -> None:
    """An account is registered by the references of its keys, and later by others."""
    account: dict[str, Any] = {"code": "card-tianhe", "channel": "card", "merchant_no": "T-1"}
    made = await office.add(f"{BASE}/merchants", **account, key_references={"terminal": "env:TERMINAL_KEY"})
    assert (made["app_id"], made["campus_id"], made["version"]) == ("", None, 1)
    assert made["fee_rate_millionths"] is None
    moved = account | {"key_references": {"terminal": "file:cards/tianhe.pem"}, "fee_rate_millionths": 5_500}
    again = [await office.ask("POST", f"{BASE}/merchants", moved, status=201, key="money-move") for _ in range(2)]
    assert again[0] == again[1]
    assert (again[0]["version"], again[0]["key_references"]) == (2, moved["key_references"])
    assert again[0]["fee_rate_millionths"] == 5_500
    for changed in ({"merchant_no": "T-2"}, {"code": "card-other", "merchant_no": "T-3"}):
        await office.ask("POST", f"{BASE}/merchants", moved | changed, status=409, code="payments.merchant_differs")
    key = moved | {"key_references": {"terminal": "-----BEGIN PRIVATE KEY-----"}}
    await office.ask("POST", f"{BASE}/merchants", key, status=422, code="request.schema_violation")


async def take_and_hand_back(open_api: OpenApi, office: SlotOffice, till: Till) -> None:
    """Money is counted, taken, and handed back when the HIS has agreed."""
    order = await till.order(2500)
    path = f"{WINDOW}/orders/{order.id}/payment"
    wrong = {"channel": "cash", "amount_fen": 2400}
    await office.ask("POST", path, wrong, status=422, code="payments.wrong_amount")
    right = {"channel": "cash", "amount_fen": 2500}
    taken = await office.ask("POST", path, right, status=200, key="money-take")
    assert taken["status"] == "paid"
    assert (await office.ask("POST", path, right, status=200, key="money-take"))["id"] == taken["id"]
    await office.ask("POST", path, right, status=409, code="payments.order_not_open")
    await till.payments.settle_down()
    asked = await open_api.portal.post("/refunds", {"order_id": str(order.id), "reason": "未发药"})
    back = f"{WINDOW}/refunds/{asked.json()['id']}/hand-over"
    await office.ask("POST", back, {}, status=409, code="payments.refund_not_waiting")
    await till.payments.settle_down()
    handed = await office.ask("POST", back, {}, status=200, key="money-hand")
    assert handed["status"] == "succeeded"
    assert await office.ask("POST", back, {}, status=200, key="money-hand") == handed


async def pay_out(open_api: OpenApi, office: SlotOffice) -> None:
    """What no channel takes back is given over the counter, once, and is then owed no more."""
    rows = list(zip(sorted(new_id() for _ in range(2)), ("ZY0001", "ZY0002"), strict=True))
    await open_api.db.execute(
        "WITH account AS (INSERT INTO inpatient_account (admission_no, patient_id, his_number)"
        " SELECT no, gen_random_uuid(), 'MR' || no FROM unnest($2::text[]) AS n (no))"
        " INSERT INTO payment_discharge (id, admission_no, settlement_no, status, surplus_fen, returned_fen,"
        " payout_fen, created_at, updated_at, settled_at)"
        " SELECT id, no, 'S' || no, 'settled', 900, 400, 500, now(), now(), now()"
        " FROM unnest($1::uuid[], $2::text[]) AS n (id, no)",
        *zip(*rows, strict=True),
    )
    owed = (await office.ask("GET", f"{BASE}/payouts", status=200))["items"]
    assert [(one["admission_no"], one["payout_fen"]) for one in owed] == [(no, 500) for _, no in rows]
    path = f"{WINDOW}/payouts/{owed[0]['id']}/pay"
    paid = [await office.ask("POST", path, {"proof": "R77"}, status=200, key="money-out") for _ in range(2)]
    assert paid[0] == paid[1] == {"id": owed[0]["id"], "proof": "R77"}
    await office.ask("POST", path, {"proof": "R78"}, status=409, code="payments.payout_recorded")
    other = f"{WINDOW}/payouts/{new_id()}/pay"
    await office.ask("POST", other, {"proof": "R78"}, status=404, code="payments.payout_not_found")
    left = (await office.ask("GET", f"{BASE}/payouts", status=200))["items"]
    assert [one["admission_no"] for one in left] == [rows[1][1]]


async def ask_for_receipts_again(open_api: OpenApi, office: SlotOffice) -> None:
    """What the fiscal platform refused is listed with its word, and asked for again once the reason is mended."""
    ids = sorted(new_id() for _ in range(2))
    await open_api.db.execute(
        "INSERT INTO fiscal_receipt (id, order_id, sequence, business_no, kind, patient_id, channel, amount_fen, items,"
        " status, fault, occurred_at, created_at) SELECT id, gen_random_uuid(), 1, replace(id::text, '-', ''),"
        " 'outpatient', gen_random_uuid(), 'wechatpay', 500, $2, 'refused', 'E0103', now(), now()"
        " FROM unnest($1::uuid[]) AS n (id)",
        ids,
        [{"code": "1", "name": "x", "amount_fen": 500}],
    )
    path = f"{BASE}/receipts"
    refused = (await office.ask("GET", path, status=200))["items"]
    assert [(one["id"], one["fault"], one["amount_fen"]) for one in refused] == [
        (str(known), "E0103", 500) for known in ids
    ]
    again = f"{path}/{ids[0]}/ask-again"
    asked = [await office.ask("POST", again, status=200, key="money-receipt") for _ in range(2)]
    assert asked[0] == asked[1]
    assert (asked[0]["status"], asked[0]["fault"]) == ("issuing", None)
    await office.ask("POST", again, status=409, code="receipts.not_refused")
    assert [one["id"] for one in (await office.ask("GET", path, status=200))["items"]] == [str(ids[1])]


async def approve_and_decline(open_api: OpenApi, office: SlotOffice, till: Till) -> None:
    """Who asks for a large refund cannot let it go; somebody else can, or keeps it."""
    first, second = office.caller.staff_code, await open_api.staff()
    for verb, status in (("approve", "reversing"), ("decline", "declined")):
        order = await till.paid(90_000)
        office.caller.staff_code = first
        asked = await office.caller.post("/refunds", {"order_id": str(order.id), "reason": "退药"})
        path = f"{BASE}/refunds/{asked.json()['id']}/{verb}"
        waiting = await office.ask("GET", f"{BASE}/refunds?status=requested&order_id={order.id}", status=200)
        assert [one["requested_by"] for one in waiting["items"]] == [first]
        await office.ask("POST", path, status=403, code="payments.second_person_required")
        office.caller.staff_code = second
        done = await office.ask("POST", path, status=200, key=f"money-{verb}")
        assert done["status"] == status
        assert await office.ask("POST", path, status=200, key=f"money-{verb}") == done
        await office.ask("POST", path, status=409, code="payments.refund_not_waiting")
    office.caller.staff_code = first
    await till.payments.settle_down()


async def decide(office: SlotOffice, till: Till) -> None:
    """What the channel took does not fit; a person looks at it, and says what becomes of it."""
    order = await till.order(2500)
    attempt = await till.attempt(order)
    await till.payments.tell(till.payments.wechat.pay(attempt.attempt_no, amount_fen=2400))
    found = await office.ask("GET", f"{BASE}/exceptions?status=open&order_id={order.id}", status=200)
    [one] = found["items"]
    assert (one["cause"], one["allowed"]) == ("amount_mismatch", ["explain", "refund"])
    path = f"{BASE}/exceptions/{one['id']}"
    assert await office.ask("GET", path, status=200) == one
    wrong = {"action": "mark_settled", "reason": "看错", "proof": "H1"}
    refused = await office.ask("POST", f"{path}/resolve", wrong, status=409, code="payments.action_not_allowed")
    assert refused["allowed"] == ["explain", "refund"]
    decision = {"action": "refund", "reason": "与患者核对，退回"}
    solved = await office.ask("POST", f"{path}/resolve", decision, status=200, key="money-solve")
    assert (solved["status"], solved["resolved_by"]) == ("resolved", office.caller.staff_code)
    assert await office.ask("POST", f"{path}/resolve", decision, status=200, key="money-solve") == solved
    await office.ask("POST", f"{path}/resolve", decision, status=409, code="payments.exception_resolved")
    await till.payments.settle_down()


async def look_at_the_books(open_api: OpenApi, office: SlotOffice) -> None:
    """A day's sides differ in one line; somebody settles it, and finance takes the workbook home."""
    sides = ThreeSides()
    sides.drop(Side.PLATFORM, 3)
    await keep_books(open_api.db, DAY, sides.sources(), rates=RATES, by="S0001")
    listed = await office.ask("GET", f"{BASE}/books?limit=5", status=200)
    assert [one["day"] for one in listed["items"]] == [DAY.isoformat()]
    shown = await office.ask("GET", f"{BASE}/books/{DAY}", status=200)
    assert (shown["status"], shown["report"]) == ("matched", None)
    assert {side["side"] for side in shown["sides"]} >= {"channel", "platform", "his"}
    found = await office.ask("GET", f"{BASE}/book-differences?day={DAY}&status=open", status=200)
    surplus = next(one for one in found["items"] if one["kind"] == "surplus")
    path = f"{BASE}/book-differences/{surplus['id']}"
    assert await office.ask("GET", path, status=200) == surplus
    decision = {"decision": "向渠道查单后补记"}
    settled = await office.ask("POST", f"{path}/settle", decision, status=200, key="money-settle")
    assert (settled["status"], settled["decided_by"]) == ("resolved", office.caller.staff_code)
    assert await office.ask("POST", f"{path}/settle", decision, status=200, key="money-settle") == settled
    await office.ask("POST", f"{path}/settle", decision, status=409, code="books.difference_settled")
    book = await office.ask("GET", f"{BASE}/books/{DAY}/workbook", status=200)
    sheets = load_workbook(io.BytesIO(b64decode(book["content"]))).sheetnames
    assert (book["file_name"], sheets) == (f"books-{DAY}.xlsx", ["汇总", "差异", "补记"])
    assert (await open_api.http.post("/payments/notifications/wechatpay/nobody")).status_code == 404
    await office.ask("GET", f"{BASE}/refused-notifications", status=200)
