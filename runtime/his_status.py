"""`./hospital his status`: whether the two sides are in step, in sentences for whoever is called at night.

Exit status: 0 in step, or catching up; 1 somebody should look; 2 it could not be found out.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from integration.his.inbox import HANDLER
from integration.his.link import LinkState, read_link
from kernel import clock
from kernel.boxes import Backlog
from kernel.db import Database, DatabaseUnavailable, open_database
from kernel.log import configure_logging
from kernel.outbox import INBOX, OUTBOX
from kernel.settings import Settings, SettingsError

IN_STEP, LOOK, UNKNOWN = 0, 1, 2
LAG_WORTH_A_LOOK: Final = timedelta(minutes=5)
RECONCILED_AT_LEAST_EVERY: Final = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The newest run of one comparer, and how many differences of all its days are open."""

    comparer: str
    finished_at: datetime
    open_differences: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that tells whether the sides are in step."""

    at: datetime
    link: LinkState
    outgoing: Backlog
    incoming: Backlog
    comparisons: tuple[Comparison, ...]


async def read_standing(db: Database) -> Standing:
    """Read the present standing.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT r.comparer, max(r.finished_at) AS finished_at, (SELECT count(*) FROM his_divergence d"
        " WHERE d.comparer = r.comparer AND d.closed_at IS NULL) AS open_differences"
        " FROM his_reconciliation r GROUP BY r.comparer ORDER BY r.comparer"
    )
    return Standing(
        at=clock.machine_now(),
        link=await read_link(db, HANDLER),
        outgoing=await OUTBOX.count(db, HANDLER),
        incoming=await INBOX.count(db, HANDLER),
        comparisons=tuple(Comparison(**dict(row)) for row in rows),
    )


def describe(now: Standing) -> tuple[list[str], bool]:
    """Say it in sentences, and whether somebody should look."""
    sentences: list[str] = []
    is_worth_a_look = False
    if now.link.down_since is not None:
        is_worth_a_look = True
        sentences.append(
            f"The HIS has not answered since {clock.clinic_time(now.link.down_since)}"
            f" ({_age(now.at - now.link.down_since)}). Bookings go on; what is to be told waits in order and is"
            " tried again by itself."
        )
    elif now.link.last_contact_at is None:
        sentences.append("The HIS has not been told anything yet.")
    else:
        sentences.append(f"The HIS answers (last seen {_age(now.at - now.link.last_contact_at)} ago).")
    for box, direction, backlog in (
        ("outbox", "to be told to the HIS", now.outgoing),
        ("inbox", "from the HIS to be applied", now.incoming),
    ):
        lag = now.at - backlog.oldest_at if backlog.oldest_at else timedelta()
        if backlog.pending:
            sentences.append(f"{backlog.pending:,} message(s) {direction}; the oldest waits {_age(lag)}.")
        else:
            sentences.append(f"No message {direction}.")
        if backlog.dead:
            is_worth_a_look = True
            sentences.append(
                f"{backlog.dead:,} of the {box} wait for a person: ./hospital his dead-letters shows them."
            )
        is_worth_a_look = is_worth_a_look or lag > LAG_WORTH_A_LOOK
    for comparison in now.comparisons:
        age = now.at - comparison.finished_at
        sentence = f"{comparison.comparer} were last compared {_age(age)} ago"
        if comparison.open_differences:
            is_worth_a_look = True
            sentence += f"; {comparison.open_differences:,} difference(s) wait for a person"
        if age > RECONCILED_AT_LEAST_EVERY:
            is_worth_a_look = True
            sentence += "; the nightly comparison has not run"
        sentences.append(f"{sentence[0].upper()}{sentence[1:]}.")
    if not now.comparisons:
        sentences.append("The sides have not been compared yet: ./hospital his reconcile --date D compares a day.")
    return sentences, is_worth_a_look


def as_json(now: Standing) -> dict[str, Any]:
    """Give the standing for programs; ages in whole seconds."""

    def seconds_since(instant: datetime | None) -> int | None:
        return None if instant is None else max(0, int((now.at - instant).total_seconds()))

    def box(backlog: Backlog) -> dict[str, Any]:
        return {
            "pending": backlog.pending,
            "dead": backlog.dead,
            "lag_seconds": seconds_since(backlog.oldest_at) or 0,
        }

    return {
        "link": {
            "up": now.link.down_since is None,
            "down_seconds": seconds_since(now.link.down_since),
            "last_contact_seconds": seconds_since(now.link.last_contact_at),
        },
        "outbox": box(now.outgoing),
        "inbox": box(now.incoming),
        "comparisons": [
            {
                "comparer": one.comparer,
                "open_differences": one.open_differences,
                "age_seconds": seconds_since(one.finished_at),
            }
            for one in now.comparisons
        ],
    }


def _age(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"


async def _read(settings: Settings) -> Standing:
    db = await open_database(settings.database_url, max_size=1)
    try:
        return await read_standing(db)
    finally:
        await db.close()


def main(given: list[str]) -> int:
    """Say how the two sides stand."""
    parser = argparse.ArgumentParser(prog="./hospital his status", description="Whether platform and HIS are in step.")
    parser.add_argument("--json", action="store_true", help="for programs")
    wanted = parser.parse_args(given)
    configure_logging("ERROR")
    try:
        now = asyncio.run(_read(Settings.from_environment()))
    except DatabaseUnavailable:
        print("The platform's database does not answer; nothing can be said about the HIS.", file=sys.stderr)
        return UNKNOWN
    except SettingsError as error:
        print(f"Nothing can be said: {error}", file=sys.stderr)
        return UNKNOWN
    sentences, is_worth_a_look = describe(now)
    print(json.dumps(as_json(now)) if wanted.json else "\n".join(sentences))
    return LOOK if is_worth_a_look else IN_STEP


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
