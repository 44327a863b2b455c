"""`./hospital his dead-letters`: messages that wait for a person, and what a person may do about them.

Exit status: 0 done; 2 it could not be done.
"""

import argparse
import asyncio
import json
import re
import sys
from dataclasses import asdict
from typing import Any, Final, cast

from integration.his.dead_letters import (
    BoxName,
    DeadLetter,
    Deed,
    list_dead_letters,
    replay_dead_letter,
    show_dead_letter,
    skip_dead_letter,
)
from kernel import clock
from kernel.db import Database, open_database
from kernel.errors import HospitalError
from kernel.log import configure_logging
from kernel.redis import close_redis, flush_wakes, open_redis
from kernel.settings import Settings, SettingsError
from runtime.login import login_name

DONE, NOT_DONE = 0, 2

_NAME: Final = re.compile(r"(outbox|inbox):(\d{1,18})")
_DIRECTION: Final = {"outbox": "to the HIS", "inbox": "from the HIS"}
_ADVICE: Final = {
    "schedule_unknown": "The HIS does not know the schedule. Reconcile that day, which tells it again; then replay.",
    "patient_unknown": "The HIS has no chart of the person. Replay once the patient's own message has gone.",
    "seat_taken": "The HIS has the number for somebody else. Reconcile that day, look at both, then replay or skip.",
    "version_conflict": "The HIS holds something newer or other. Reconcile that day and decide there, then skip.",
    "appointment_unknown": "The HIS does not have it. Reconcile that day, which tells it again; then skip this.",
    "nobody_loads_it": "This release does not know the event. Was the platform rolled back? Replay after the upgrade.",
    "load": "Our own facts could not be read. The worker's log has the fault; replay once it is mended.",
    "render": "Our own facts could not be written as a message. The worker's log has the fault; replay once mended.",
    "his.disagrees": "It does not fit what stands here, and nothing earlier is missing. Reconcile that day, then skip.",
    "patients.invalid_document": "The document cannot be right. Have the chart corrected there, then skip this.",
    "bad_template": "WeChat does not know the template or its page. Mend the kind of message, then replay.",
    "bad_content": "The gateway refuses what the message says. Mend the kind of message, then replay.",
    "patients.not_found": "The HIS names a person without a document. Have the chart completed there, then skip this.",
}
_ADVICE_FOR_OTHERS: Final = "The log has the details. Replay after the cause is mended; skip if it is settled by hand."


def advise(letter: DeadLetter) -> str:
    """Say what a person can do about a letter, by the reason for which it died."""
    reason = (letter.last_error or "").partition(":")[0]
    return _ADVICE.get(reason, _ADVICE_FOR_OTHERS)


def letter_name(text: str) -> tuple[BoxName, int]:
    """Read `outbox:12`.

    Raises:
        ArgumentTypeError: not of that form.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("name a letter as `list` does, for example outbox:12")
    return cast(BoxName, found[1]), int(found[2])


async def _act(wanted: argparse.Namespace, settings: Settings) -> int:
    db = await open_database(settings.database_url, max_size=1)
    if settings.redis_url:
        open_redis(settings.redis_url)
    try:
        if wanted.action == "list":
            return await _list(db, as_json=wanted.json)
        box, number = wanted.letter
        if wanted.action == "show":
            letter, deeds = await show_dead_letter(db, box=box, letter_id=number)
            print(_describe(letter, deeds))
            return DONE
        change = replay_dead_letter if wanted.action == "replay" else skip_dead_letter
        await change(db, box=box, letter_id=number, person=wanted.person, reason=wanted.reason)
        await flush_wakes()
        print(
            f"{box}:{number} is tried again from the beginning."
            if wanted.action == "replay"
            else f"{box}:{number} is given up; what waited behind it goes on."
        )
        return DONE
    finally:
        await close_redis()
        await db.close()


async def _list(db: Database, *, as_json: bool) -> int:
    letters = await list_dead_letters(db)
    if as_json:
        print(json.dumps({"dead_letters": [_as_json(letter) for letter in letters]}, ensure_ascii=False))
    elif not letters:
        print("No message waits for a person.")
    else:
        print(f"{len(letters)} message(s) wait for a person, the oldest first:\n")
        for letter in letters:
            print(_describe(letter, []) + "\n")
        print("replay NAME --reason R   try it again;   skip NAME --reason R   give it up, let the others go on")
    return DONE


def _describe(letter: DeadLetter, deeds: list[Deed]) -> str:
    behind = f"{letter.held_up} later message(s) wait behind it" if letter.held_up else "nothing waits behind it"
    lines = [
        f"{letter.box}:{letter.id}  {letter.event_type} {_DIRECTION[letter.box]}, about {letter.aggregate}",
        f"  since   {clock.clinic_time(letter.created_at)}, tried {letter.attempts} times; {behind}",
        f"  reason  {letter.last_error or 'none was noted'}",
        f"  advice  {advise(letter)}",
    ]
    lines += [f"  before  {clock.clinic_time(deed.at)} {deed.person}: {deed.action} ({deed.reason})" for deed in deeds]
    return "\n".join(lines)


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    return asdict(letter) | {
        "name": f"{letter.box}:{letter.id}",
        "created_at": letter.created_at.isoformat(),
        "advice": advise(letter),
    }


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./hospital his dead-letters", description="Messages to or from the HIS that wait for a person."
    )
    parser.set_defaults(action="list", json=False)
    actions = parser.add_subparsers(metavar="ACTION")
    one = actions.add_parser("list", help="show all of them (the default)")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(action="list")
    for action, summary in (
        ("show", "show one, and what was done with it before"),
        ("replay", "try it again from the beginning"),
        ("skip", "give it up, so that what waits behind it goes on"),
    ):
        one = actions.add_parser(action, help=summary)
        one.add_argument("letter", type=letter_name, metavar="NAME", help="for example outbox:12")
        one.set_defaults(action=action)
        if action != "show":
            one.add_argument("--reason", required=True, help="why; it is kept with your name")
            one.add_argument("--person", default=login_name(), help="who decides (default: the login name)")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """Do what was asked with the dead letters."""
    wanted = _arguments(given)
    configure_logging("ERROR")
    try:
        return asyncio.run(_act(wanted, Settings.from_environment()))
    except HospitalError as error:
        print(f"Not done: {error.en}", file=sys.stderr)
    except SettingsError as error:
        print(f"Not done: {error}", file=sys.stderr)
    return NOT_DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
