"""`./hospital his reconcile --date D`: compare a clinic day with the HIS, repair what a rule allows, say what is left.

Exit status: 0 both sides hold the same; 1 differences remain; 2 they could not be compared.
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import date
from typing import Any, Final

from integration.his.errors import HisUnavailable
from integration.his.port import HisPull
from integration.his.reconcile import ComparisonReport, Difference, Repair, describe_record, reconcile_day
from integration.his.subscriptions import Subscriptions
from kernel.crypto import load_cipher
from kernel.db import DatabaseUnavailable, database, open_database
from kernel.log import configure_logging
from kernel.redis import close_redis, open_redis
from kernel.settings import Settings, SettingsError
from runtime.his import build_pull
from runtime.subscriptions import build_subscriptions

AGREE, DIFFER, NOT_COMPARED = 0, 1, 2
WAIT_SECONDS: Final = 20.0
PAUSE_SECONDS: Final = 1.0
SHOWN_MAX: Final = 50

_KIND_TEXT: Final = {
    "missing_in_his": "the HIS does not have it",
    "missing_here": "only the HIS has it",
}
_RULE_TEXT: Final = {
    "told_again": "told the HIS again",
    "taken_over": "took over what the HIS has",
}

Reports = list[ComparisonReport]
Repaired = dict[str, list[tuple[Difference, Repair]]]


async def reconcile(settings: Settings, day: date, *, repair: bool, wait_seconds: float) -> tuple[Reports, Repaired]:
    """Compare a day, repair, and compare again until what is under way has arrived or the time is up.

    Raises:
        HisUnavailable, DatabaseUnavailable, SettingsError: it could not be compared.
    """
    load_cipher(settings.keys_dir)
    db = await open_database(settings.database_url, max_size=2)
    if settings.redis_url:
        open_redis(settings.redis_url)
    his = build_pull(settings)
    try:
        return await _compare_until_settled(his, build_subscriptions(), day, repair=repair, wait_seconds=wait_seconds)
    finally:
        await his.close()
        await close_redis()
        await db.close()


async def _compare_until_settled(
    his: HisPull, subscriptions: Subscriptions, day: date, *, repair: bool, wait_seconds: float
) -> tuple[Reports, Repaired]:
    deadline = time.monotonic() + wait_seconds
    repaired: Repaired = {comparer.name: [] for comparer in subscriptions.comparers}
    while True:
        reports = [
            await reconcile_day(database(), his, comparer, day, repair=repair) for comparer in subscriptions.comparers
        ]
        for report in reports:
            repaired[report.comparer] += report.repaired
        is_settled = not any(report.under_way or report.repaired for report in reports)
        if is_settled or time.monotonic() >= deadline:
            return reports, repaired
        await asyncio.sleep(PAUSE_SECONDS)


def as_json(day: date, reports: Reports, repaired: Repaired) -> dict[str, Any]:
    """Give the outcome for programs."""
    return {
        "date": day.isoformat(),
        "agrees": all(report.agrees for report in reports),
        "reports": [
            {
                "comparer": report.comparer,
                "compared": report.compared,
                "equal": report.equal,
                "under_way": [_difference_json(one) for one in report.under_way],
                "repaired": [_difference_json(one) | {"rule": done.rule} for one, done in repaired[report.comparer]],
                "left": [_difference_json(one) for one in report.left],
            }
            for report in reports
        ],
    }


def _difference_json(one: Difference) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind,
        "here": describe_record(one.here),
        "there": describe_record(one.there),
    }


def as_text(day: date, reports: Reports, repaired: Repaired) -> str:
    """Say the outcome to a person."""
    lines = [f"{day.isoformat()}: the platform and the HIS, record by record", ""]
    lines.append(f"  {'':<14}{'compared':>10}{'equal':>10}{'under way':>11}{'repaired':>10}{'to decide':>11}")
    for report in reports:
        mended = len(repaired[report.comparer])
        lines.append(
            f"  {report.comparer:<14}{report.compared:>10,}{report.equal:>10,}"
            f"{len(report.under_way):>11,}{mended:>10,}{len(report.left):>11,}"
        )
    for report in reports:
        lines += _section(
            f"Repaired ({report.comparer})",
            [
                f"{one.key}: {_say(one)}; {_RULE_TEXT.get(done.rule, done.rule)}"
                for one, done in repaired[report.comparer]
            ],
        )
        lines += _section(
            f"Still under way ({report.comparer}): a message about each is in the queue; compare again shortly",
            [f"{one.key}: {_say(one)}" for one in report.under_way],
        )
        lines += _section(
            f"For a person to decide ({report.comparer}): no rule repairs these",
            [f"{one.key}: {_say(one)}" for one in report.left],
        )
    lines += ["", _verdict(reports, repaired)]
    return "\n".join(lines)


def _section(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    shown = [f"  {entry}" for entry in entries[:SHOWN_MAX]]
    if len(entries) > SHOWN_MAX:
        shown.append(f"  ... and {len(entries) - SHOWN_MAX:,} more (--json shows all)")
    return ["", title, *shown]


def _say(one: Difference) -> str:
    """Name a difference in words: which field, and what each side holds."""
    if one.here is None or one.there is None:
        record = one.here or one.there
        assert record is not None, "one of the two sides has it"
        held = ", ".join(f"{name} {value}" for name, value in record.compared.items())
        return f"{_KIND_TEXT[one.kind]} ({held})"
    return "; ".join(
        f"{name} is {one.here.compared[name]} here (version {one.here.version}),"
        f" {one.there.compared.get(name)} at the HIS (version {one.there.version})"
        for name in one.fields
    )


def _verdict(reports: Reports, repaired: Repaired) -> str:
    left = sum(len(report.left) for report in reports)
    moving = sum(len(report.under_way) + len(report.repaired) for report in reports)
    mended = sum(len(found) for found in repaired.values())
    if left:
        return f"{left:,} difference(s) remain for a person; they stand in the metric his_divergence_records."
    if moving:
        return f"{moving:,} difference(s) are still on their way. Compare again in a minute."
    return "Both sides agree." + (f" {mended:,} difference(s) were repaired on the way." if mended else "")


def _clinic_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as YYYY-MM-DD") from error


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./hospital his reconcile", description="Compare a clinic day with the HIS and repair what a rule allows."
    )
    parser.add_argument("--date", type=_clinic_day, required=True, metavar="D", help="clinic day, YYYY-MM-DD")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--no-repair", action="store_true", help="compare only, change nothing")
    parser.add_argument(
        "--wait", type=float, default=WAIT_SECONDS, metavar="S", help="how long to wait for what is under way (20 s)"
    )
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """Compare one day; the exit status says whether both sides agree."""
    wanted = _arguments(given)
    configure_logging("ERROR")
    try:
        settings = Settings.from_environment()
        reports, repaired = asyncio.run(
            reconcile(settings, wanted.date, repair=not wanted.no_repair, wait_seconds=wanted.wait)
        )
    except HisUnavailable:
        print("The HIS cannot be asked right now. Nothing was compared or changed.", file=sys.stderr)
        return NOT_COMPARED
    except (DatabaseUnavailable, SettingsError) as error:
        print(f"The day could not be compared: {error}", file=sys.stderr)
        return NOT_COMPARED
    if wanted.json:
        print(json.dumps(as_json(wanted.date, reports, repaired), ensure_ascii=False))
    else:
        print(as_text(wanted.date, reports, repaired))
    return AGREE if all(report.agrees for report in reports) else DIFFER


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
