"""`./hospital books ...`: close a day's books, look at what differs, settle it, and hand finance its workbook."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database, open_database
from kernel.errors import HospitalError
from kernel.log import configure_logging
from kernel.money import format_yuan
from kernel.settings import Settings, SettingsError
from oauth.staff.errors import StaffNotFound
from oauth.staff.people import read_staff
from payments.billing import close_billing
from payments.books.closings import Closing, get_closing, list_totals
from payments.books.differences import Difference, list_differences, settle_difference
from payments.books.errors import BillUnreadable, BooksNotReady
from payments.books.keeping import keep, keep_and_close
from payments.books.late import list_late_entries
from payments.books.workbook import write_workbook
from runtime.payments import connect_payments

DATABASE_CONNECTIONS_MAX: Final = 4
EVERY_STATUS: Final = ("open", "explained", "resolved", "vanished")
SHOWN_MAX: Final = 40
TERMINAL: Final = "system:terminal"
"""Who closes a day by hand and names nobody."""

KINDS: Final = {
    "surplus": "the channel has it, we do not",
    "shortage": "we have it, the bill does not",
    "amount": "amounts differ",
    "duplicate": "twice in the bill",
    "refund-only": "refunded at the channel alone",
    "cross-midnight": "counted to another day",
    "fee": "fee is not as agreed",
    "his-missing": "paid, not settled in the HIS",
    "his-surplus": "settled in the HIS, not paid",
    "his-amount": "the HIS has another amount",
}
SIDES: Final = {"channel": "channel", "platform": "platform", "reversal": "taken back", "his": "HIS"}


def main(arguments: list[str]) -> int:
    """Do one thing with a day's books and say how they stand."""
    given = _parser().parse_args(arguments)
    configure_logging("ERROR")
    try:
        print(asyncio.run(_run(Settings.from_environment(), given)))
    except BooksNotReady as error:
        print(f"books: {error.details.get('waiting_for')} has not told its part of the day yet.", file=sys.stderr)
        return 1
    except BillUnreadable as error:
        where = f"line {error.details['line']}: {error.details['reason']}"
        print(f"books: {error.en} ({where})", file=sys.stderr)
        return 1
    except HospitalError as error:
        print(f"books: {error.en}", file=sys.stderr)
        return 1
    except (SettingsError, OSError) as error:
        print(f"books: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings, given: argparse.Namespace) -> str:
    load_cipher(settings.keys_dir)
    db = await open_database(settings.database_url, max_size=DATABASE_CONNECTIONS_MAX)
    try:
        match given.what:
            case "close":
                await _require_keeper(db, given.by)
                connect_payments(settings)
                await keep_and_close(db, given.date, by=given.by)
                return await describe(db, given.date)
            case "keep":
                await _require_keeper(db, given.by)
                connect_payments(settings)
                await keep(db, given.date, by=given.by)
                return await describe(db, given.date)
            case "show":
                return await describe(db, given.date)
            case "workbook":
                return await _write(db, given.date, given.to or Path(f"books-{given.date}.xlsx"))
            case _:
                await _require_staff(db, given.by)
                done = await settle_difference(db, given.id, decision=given.decision, by=given.by)
                return f"{done.kind} {done.number} of {done.day} is settled by {done.decided_by}: {done.decision}"
    finally:
        await close_billing()
        await db.close()


async def _require_keeper(db: Database, by: str) -> None:
    """Let the terminal itself keep the books, or a colleague.

    Raises:
        StaffNotFound: no such person works here now.
    """
    if by != TERMINAL:
        await _require_staff(db, by)


async def _require_staff(db: Database, code: str) -> None:
    """Let nobody sign with a name that is not a colleague's.

    Raises:
        StaffNotFound: no such person works here now.
    """
    if (await read_staff(db, code)).status != "active":
        raise StaffNotFound


async def describe(db: Database, day: date) -> str:
    """Lay a day's books out for people.

    Raises:
        ClosingNotFound: none were kept.
    """
    closing = await get_closing(db, day)
    totals = await list_totals(db, closing.id)
    lines = [_heading(closing), ""]
    lines.append(f"  {'':<10} {'account':<22} {'lines':>8} {'paid':>16} {'refunded':>14} {'fees':>12}")
    for (side, merchant), total in totals.items():
        amounts = f"{format_yuan(total.paid_fen):>16} {format_yuan(total.refunded_fen):>14}"
        fee = format_yuan(total.fee_fen) if side == "channel" else ""
        lines.append(f"  {SIDES[side]:<10} {merchant:<22} {total.line_count:>8} {amounts} {fee:>12}".rstrip())
    if closing.report is not None:
        lines += _ledger(closing.report)
    differences = await _all_differences(db, day)
    return "\n".join([*lines, "", *_told(differences, line_count=sum(one.line_count for one in totals.values()))])


def _heading(closing: Closing) -> str:
    if closing.closed_at is not None:
        return f"Books of {closing.day}: closed {clock.clinic_time(closing.closed_at)} by {closing.closed_by}"
    return f"Books of {closing.day}: {closing.status}, run {closing.run}; not closed yet"


def _ledger(report: Mapping[str, Any]) -> list[str]:
    """Tell what the day's entries came to, and what of earlier days became known only after those were closed."""
    lines = []
    if report["ledger"]:
        lines += ["", f"  {'ledger':<34} {'debit':>16} {'credit':>16}"]
    for one in report["ledger"]:
        amounts = f"{format_yuan(one['debit_fen']):>16} {format_yuan(one['credit_fen']):>16}"
        lines.append(f"  {one['account']:<34} {amounts}")
    if report["late_entries"]:
        lines += ["", f"  {'of earlier days, known only since':<34} {'amount':>16}"]
    for one in report["late_entries"]:
        lines.append(f"  {one['account']:<34} {format_yuan(one['amount_fen']):>16}  {one['business_key']}")
    return lines


def _told(differences: Sequence[Difference], *, line_count: int) -> list[str]:
    standing = [one for one in differences if one.status != "vanished"]
    if not standing:
        return ["  Channel, platform and HIS agree in every line." if line_count else "  No money moved that day."]
    is_open = sum(one.status == "open" for one in standing)
    lines = [f"  {len(standing)} {'difference' if len(standing) == 1 else 'differences'}, {is_open} to be looked at:"]
    for one in standing[:SHOWN_MAX]:
        amounts = " / ".join(
            "-" if fen is None else format_yuan(fen) for fen in (one.channel_fen, one.platform_fen, one.his_fen)
        )
        what = KINDS[one.kind] + (" (refund)" if one.line_kind == "refund" else "")
        lines.append(f"    {one.status:<9} {what:<34} {one.number:<34} {amounts}")
        lines.append(f"              {one.id}" + (f"  {one.decided_by}: {one.decision}" if one.decided_by else ""))
    if len(standing) > SHOWN_MAX:
        lines.append(f"    and {len(standing) - SHOWN_MAX} more: ./hospital books workbook writes all of them")
    return lines


async def _write(db: Database, day: date, path: Path) -> str:
    closing = await get_closing(db, day)
    totals = await list_totals(db, closing.id)
    late = await list_late_entries(db, closing)
    content = write_workbook(closing, totals, await _all_differences(db, day), late)
    await asyncio.to_thread(path.write_bytes, content)
    return f"The books of {day} are in {path}."


async def _all_differences(db: Database, day: date) -> list[Difference]:
    found = page = await list_differences(db, day=day, statuses=EVERY_STATUS)
    while page:
        page = await list_differences(db, day=day, statuses=EVERY_STATUS, after=page[-1].id)
        found = found + page
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./hospital books", description="A day's books: three sides, one closing.")
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    yesterday = clock.today() - timedelta(days=1)

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=summary, description=summary)
        one.add_argument("--date", type=date.fromisoformat, default=yesterday, metavar="DAY", help="default: yesterday")
        return one

    for name, summary in (
        ("keep", "Take every side's lines over and compare them; the day stays open, and may be kept again."),
        ("close", "Take every side's lines over, compare them, and close the day."),
    ):
        add(name, summary).add_argument("--by", default=TERMINAL, metavar="STAFF", help="who does it, for the record")
    add("show", "Say how a day's books stand.")
    add("workbook", "Write a day's books for a spreadsheet.").add_argument(
        "--to", type=Path, metavar="FILE.xlsx", help="default: books-DAY.xlsx in this folder"
    )
    settle = commands.add_parser("settle", help="Write down what was done about a difference, and why.")
    settle.add_argument("id", type=UUID, metavar="ID", help="the difference, as `books show` names it")
    settle.add_argument("--decision", required=True, metavar="SENTENCE", help="what was done, and why")
    settle.add_argument("--by", required=True, metavar="STAFF", help="who decided it")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
