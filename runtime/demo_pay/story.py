"""`python -m runtime.demo_pay.story`: from a held number to the closed books, with the ledger at each step.

The portal speaks by the open API, the payer by the emulated channel's control surface, the HIS by its own; only what
finance sees is read from the database.
"""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

import httpx

from kernel import clock
from kernel.clock import MovingClock
from kernel.crypto import load_cipher
from kernel.db import Database, open_database
from kernel.errors import HospitalError
from kernel.log import configure_logging
from kernel.money import format_yuan
from kernel.settings import Settings
from payments.books.closings import get_closing
from payments.invariants import find_broken
from payments.merchants import list_merchants
from payments.sealing import seal_ledger, verify_ledger
from runtime.data_folder import DataFolder
from runtime.demo.narrator import DemoFailed, Narrator, require
from runtime.demo.parties import CoreHis, Partner, Record, wait_for
from runtime.demo.story import DEPARTMENT_INITIALS
from runtime.demo_hospital.access import invent_families
from runtime.demo_hospital.charges import GLUCOSE
from runtime.demo_hospital.plan import stable_id
from runtime.demo_pay.parties import CONSENT, OPENID, Finance, Insured, Payer, receipt_lines
from runtime.supervisor.plan import ROOT

LATEST_START: Final = time(22, 30)
NEXT_MORNING: Final = time(10, 5)
"""WeChat Pay's bill of the day before is ready at ten; a quarter past, the timetable would close the day by itself."""
DAYS_AHEAD: Final = 7
CASHIER: Final = "S0001"
PAID_KINDS: Final = ("laboratory", "examination")
DRUGS: Final = "prescription"


@dataclass(frozen=True, slots=True)
class Stage:
    """The running hospital and who takes part."""

    portal: Partner
    his: CoreHis
    payer: Payer
    insured: Insured
    finance: Finance
    db: Database
    clock: MovingClock
    narrator: Narrator


async def tell(stage: Stage) -> None:
    """Tell the whole story.

    Raises:
        DemoFailed: the system did not do what the story says.
    """
    await _show_accounts(stage)
    patient_id = str(stable_id("patient", invent_families()[0][0][0].document_number))
    fee = await _order_number(stage, patient_id)
    await _pay_in_mini_program(stage, fee)
    appointment = await _see_confirmed(stage, fee, patient_id)
    await _see_settled(stage, fee)
    order = await _pay_bills(stage, patient_id)
    await _give_one_item_back(stage, order)
    await _pay_with_insurance(stage, patient_id)
    await _cancel(stage, appointment, fee)
    await _close_books(stage)


async def _show_accounts(stage: Stage) -> None:
    with stage.narrator.step("The hospital has its accounts with the channels, and a ledger without an entry"):
        stage.portal.sign_in()
        for one in await list_merchants(stage.db):
            stage.narrator.say(f"{one.channel.value:<10} account {one.merchant_no:<18} ({one.code})")
        await stage.finance.show_entries()


async def _order_number(stage: Stage, patient_id: str) -> Record:
    with stage.narrator.step("The city portal holds a number and orders its registration fee"):
        slot = _slot_with_fee(stage.portal)
        hold = stage.portal.post("/holds", {"slot_id": slot["id"], "patient_id": patient_id})
        order = stage.portal.post("/orders", {"hold_id": hold["id"]})
        stage.narrator.say(f"number {hold['queue_number']} of {_when(slot['starts_at'])} is held")
        until = _when(order["expires_at"])
        stage.narrator.say(f"order {order['order_no']}: {format_yuan(order['amount_fen'])}, to be paid until {until}")
    return order


def _slot_with_fee(portal: Partner) -> Record:
    """Give a slot of the coming days, in a department where every visit has its fee."""
    department = portal.get("/search", q=DEPARTMENT_INITIALS)["departments"][0]["department"]
    for days in range(1, DAYS_AHEAD + 1):
        day = clock.today() + timedelta(days=days)
        slots = portal.get("/slots", department_id=department["id"], date=day)["items"]
        found: Record | None = next((slot for slot in slots if slot["available"] > 0), None)
        if found is not None:
            return found
    raise DemoFailed("no clinic of the coming days has a free number")


async def _pay_in_mini_program(stage: Stage, order: Record) -> None:
    with stage.narrator.step("The patient pays in the mini-program (WeChat Pay API v3, emulated)"):
        payment = stage.portal.post(
            f"/orders/{order['id']}/payments", {"channel": "wechatpay", "scene": "mini_program", "payer": OPENID}
        )
        parameters = payment["parameters"]
        stage.narrator.say(f"payment {payment['payment_no']} is known to the channel; wx.requestPayment gets")
        stage.narrator.say(f"  {parameters['package']}, signed ({parameters['signType']})")
        stage.payer.pay(prepay_id=parameters["package"].removeprefix("prepay_id="))
        stage.narrator.say("the patient has confirmed with the password")


async def _see_confirmed(stage: Stage, order: Record, patient_id: str) -> Record:
    with stage.narrator.step("The channel's notification pays the order, and the number is booked with it"):
        _order_when(stage, order, "settled")
        rows = await stage.db.fetch(
            "SELECT channel, event_type, outcome FROM payment_notification ORDER BY id DESC LIMIT 1"
        )
        for row in rows:
            stage.narrator.say(
                f"notification {row['event_type']} of {row['channel']}: verified, stored, {row['outcome']}"
            )
        booked = stage.portal.get("/appointments", patient_id=patient_id, status="booked")["items"]
        paid = [one for one in booked if one["payment"] == "paid"]
        require(len(paid) == 1, f"one appointment is paid, not {len(paid)}")
        stage.narrator.say(
            f"appointment {paid[0]['number']}, number {paid[0]['queue_number']} at {_when(paid[0]['starts_at'])}: paid"
        )
        await stage.finance.show_entries()
    found: Record = paid[0]
    return found


async def _see_settled(stage: Stage, order: Record) -> None:
    with stage.narrator.step("The HIS has settled it, under the platform's own number, and gives its receipt"):
        await _compare_with_his(stage, order)


async def _compare_with_his(stage: Stage, order: Record) -> None:
    """Show one settlement from both sides."""
    here = await stage.finance.settlement_of(order["id"])
    there = stage.his.entry(here["settlement_no"])
    if there is None:
        raise DemoFailed("the HIS has no entry for the settlement")
    _show_both(stage, here["settlement_no"], here["his_no"], order["amount_fen"], there)
    require(here["his_no"] == there["receipt_no"], "the HIS gives another receipt number")
    require(there["cash_fen"] == order["amount_fen"], "the HIS has another amount")
    for line in receipt_lines(here["receipt"]):
        stage.narrator.say(f"  {line}")
    await _show_receipts(stage, order, standing_fen=order["amount_fen"])


async def _show_receipts(stage: Stage, order: Record, *, standing_fen: int) -> None:
    """Show the fiscal e-receipts of an order; those that stand come to what stays paid."""
    receipts = await stage.finance.fiscal_receipts(order["id"], standing_fen=standing_fen)
    for one in receipts:
        ended = f", written off by {one['red_number']}" if one["red_number"] else ""
        stage.narrator.say(f"fiscal e-receipt {one['code']} {one['number']}: {format_yuan(one['amount_fen'])}{ended}")


def _show_both(stage: Stage, number: str, his_no: str | None, amount_fen: int, there: Record) -> None:
    stage.narrator.beside(
        {"number": number, "receipt": his_no, "amount": format_yuan(amount_fen)},
        {"number": there["number"], "receipt": there["receipt_no"], "amount": format_yuan(there["cash_fen"])},
    )


async def _pay_bills(stage: Stage, patient_id: str) -> Record:
    with stage.narrator.step(
        "Two outpatient bills are read from the HIS and paid in one payment, by a code at a kiosk"
    ):
        owed = [one for one in stage.portal.get("/bills", patient_id=patient_id)["items"] if one["kind"] in PAID_KINDS]
        require(len(owed) == len(PAID_KINDS), f"{len(PAID_KINDS)} bills of these kinds are owed, not {len(owed)}")
        for bill in owed:
            stage.narrator.say(f"{bill['kind']} {bill['bill_no']}: {format_yuan(bill['total_fen'])}")
            for item in bill["items"]:
                stage.narrator.say(f"  {item['name']} x {item['quantity']}  {format_yuan(item['amount_fen'])}")
        seen = [{"bill_no": one["bill_no"], "hash": one["hash"]} for one in owed]
        order = stage.portal.post("/orders", {"patient_id": patient_id, "bills": seen})
        payment = stage.portal.post(f"/orders/{order['id']}/payments", {"channel": "wechatpay", "scene": "native_code"})
        stage.narrator.say(f"the kiosk shows {payment['code_url']}")
        stage.payer.pay(code_url=payment["code_url"])
        _order_when(stage, order, "settled")
        await stage.finance.show_entries()
        await _compare_with_his(stage, order)
    return order


async def _give_one_item_back(stage: Stage, order: Record) -> None:
    with stage.narrator.step(
        "A test of the paid bills is not wanted any more: the HIS agrees, and its price goes back"
    ):
        paid = stage.portal.get(f"/orders/{order['id']}/bills")["items"]
        item_no = next(item["item_no"] for bill in paid for item in bill["items"] if item["code"] == GLUCOSE.code)
        asked = {"order_id": order["id"], "item_nos": [item_no], "reason": "患者不做该检查"}
        refund = stage.portal.post("/refunds", asked)
        stage.narrator.say(f"refund {refund['refund_no']} of {format_yuan(refund['amount_fen'])} for {GLUCOSE.name}")
        _refund_when_succeeded(stage, refund["id"])
        await _show_reversal(stage, refund["refund_no"], refund["amount_fen"])
        await _show_receipts(stage, order, standing_fen=order["amount_fen"] - refund["amount_fen"])
        await stage.finance.show_entries()


async def _pay_with_insurance(stage: Stage, patient_id: str) -> None:
    with stage.narrator.step(
        "Drugs are paid with medical insurance: its centre shares the bill, WeChat takes the rest"
    ):
        (bill,) = [one for one in stage.portal.get("/bills", patient_id=patient_id)["items"] if one["kind"] == DRUGS]
        body = {
            "patient_id": patient_id, "bills": [{"bill_no": bill["bill_no"], "hash": bill["hash"]}],
            "insurance": {"pay_auth_no": CONSENT},
        }  # fmt: skip
        order = stage.portal.post("/orders", body)
        parts = order["insurance"]
        stage.narrator.say(f"{bill['kind']} {bill['bill_no']}: {format_yuan(parts['total_fen'])}")
        for name in ("fund_fen", "account_fen", "cash_fen"):
            stage.narrator.say(f"  {name.removesuffix('_fen'):<8} {format_yuan(parts[name]):>10}")
        payment = stage.portal.post(
            f"/orders/{order['id']}/payments", {"channel": "wechatpay", "scene": "mini_program", "payer": OPENID}
        )
        stage.payer.pay(prepay_id=payment["parameters"]["package"].removeprefix("prepay_id="))
        stage.insured.agree(parts["centre_order_no"])
        _order_when(stage, order, "settled")
        await stage.finance.show_entries()
        await _compare_with_his(stage, order)
        there = stage.his.entry(f"{order['order_no']}S")
        require(there is not None and there["total_fen"] == parts["total_fen"], "the HIS counts another bill")
        insured_fen = parts["fund_fen"] + parts["account_fen"]
        require(there is not None and there["insurance_fen"] == insured_fen, "the HIS has another share")
        stage.narrator.say(
            f"the HIS has the whole {format_yuan(parts['total_fen'])}, {format_yuan(insured_fen)} by insurance"
        )


async def _cancel(stage: Stage, appointment: Record, order: Record) -> None:
    with stage.narrator.step("The patient cancels the appointment: by the hospital's rule the fee goes back"):
        cancelled = stage.portal.post(f"/appointments/{appointment['id']}/cancel", {"reason": "行程有变"}, status=200)
        stage.narrator.say(f"appointment {cancelled['number']} is {cancelled['status']}; its number is free again")
        _order_when(stage, order, "refunded")
        (refund,) = stage.portal.get("/refunds", order_id=order["id"])["items"]
        stage.narrator.say(f"refund {refund['refund_no']}: {refund['status']}, {format_yuan(refund['amount_fen'])}")
        require(refund["amount_fen"] == order["amount_fen"], "another amount than was paid went back")
        await _show_reversal(stage, refund["refund_no"], refund["amount_fen"])
        await _show_receipts(stage, order, standing_fen=0)
        await stage.finance.show_entries()


async def _show_reversal(stage: Stage, refund_no: str, amount_fen: int) -> None:
    there = stage.his.entry(refund_no)
    if there is None:
        raise DemoFailed("the HIS has not taken its settlement back")
    here = await stage.db.fetchval("SELECT reversal_no FROM payment_refund WHERE refund_no = $1", refund_no)
    _show_both(stage, refund_no, here, -amount_fen, there)
    require(here == there["receipt_no"], "the HIS gives another receipt number")
    require(there["cash_fen"] == -amount_fen, "the HIS has taken another amount back")


async def _close_books(stage: Stage) -> None:
    day = clock.today()
    with stage.narrator.step(f"The night passes, and the books of {day} are closed: channel, platform and HIS"):
        stage.clock.advance_to(clock.clinic_instant(day + timedelta(days=1), NEXT_MORNING))
        argv = [sys.executable, "-m", "runtime.books", "close", "--date", day.isoformat(), "--by", CASHIER]
        done = await asyncio.to_thread(subprocess.run, argv, cwd=ROOT, capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"the books could not be closed: {done.stderr.strip()}")
        for line in done.stdout.splitlines():
            stage.narrator.say(line)
        closing = await get_closing(stage.db, day)
        report: Any = closing.report
        require(closing.status == "closed" and not report["differences"], "the three sides differ")
    with stage.narrator.step("The closing report is the ledger, to the fen, and no invariant of money is broken"):
        posted = {one["account"]: one["debit_fen"] - one["credit_fen"] for one in report["ledger"]}
        ledger = await stage.db.fetch("SELECT account, sum(amount_fen)::bigint AS fen FROM ledger_posting GROUP BY 1")
        require(posted == {row["account"]: row["fen"] for row in ledger}, "the report is not the ledger's")
        await seal_ledger(stage.db)
        require(await verify_ledger(stage.db) is None, "the chain of the ledger is broken")
        require(await find_broken(stage.db) == [], "an invariant is broken")
        links = await stage.db.fetchval("SELECT count(*) FROM ledger_link")
        stage.narrator.say(
            f"{len(posted)} accounts agree; {links} entries are sealed, each by the hash of the one before"
        )


def _order_when(stage: Stage, order: Record, status: str) -> Record:
    def look() -> Record | None:
        found = stage.portal.get(f"/orders/{order['id']}")
        return found if found["status"] == status else None

    return wait_for(look, f"order {order['order_no']} to be {status}")


def _refund_when_succeeded(stage: Stage, refund_id: str) -> Record:
    def look() -> Record | None:
        found = stage.portal.get(f"/refunds/{refund_id}")
        return found if found["status"] == "succeeded" else None

    return wait_for(look, "the refund to succeed")


def _when(at: Any) -> str:
    """Write an instant as people in Guangzhou read it."""
    instant = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return f"{instant.astimezone(clock.SHANGHAI):%a %d %b %H:%M}"


async def _play(settings: Settings, narrator: Narrator) -> None:
    folder = DataFolder(settings.data_dir)
    run = folder.load_run()
    moving = MovingClock(folder.root / "clock")
    load_cipher(settings.keys_dir)
    db = await open_database(settings.database_url, max_size=4)
    portal = Partner(run["base_url"], run["demo_clients"]["city_portal"])
    his = CoreHis(run["his_http_url"], run["his_http_token"])
    payer = Payer(run["emulators"]["wechatpay"])
    insured = Insured(run["emulators"]["insurance"])
    try:
        if clock.now().astimezone(clock.SHANGHAI).time() > LATEST_START:
            # The story is one day's: it does not begin shortly before midnight.
            moving.advance_to(clock.clinic_instant(clock.today() + timedelta(days=1), time(8)))
        await tell(Stage(portal, his, payer, insured, Finance(db, narrator), db, moving, narrator))
    finally:
        for party in (portal, his, payer, insured):
            party.close()
        await db.close()


def main() -> int:
    """Tell the story in the hospital that the environment names."""
    configure_logging("ERROR")
    narrator = Narrator()
    try:
        asyncio.run(_play(Settings.from_environment(), narrator))
    except DemoFailed as failed:
        print(f"\nThe demonstration failed: {failed}", file=sys.stderr)
        return 1
    except (httpx.HTTPError, HospitalError) as error:
        print(f"\nThe demonstration failed ({type(error).__name__}): {error}", file=sys.stderr)
        return 1
    narrator.conclude()
    return 0


if __name__ == "__main__":
    sys.exit(main())
