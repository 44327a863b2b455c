"""`./hospital keys rotate`: change the keys that sign tokens, without a client noticing.

A key is published before it signs and stays published while what it signed can live, so whoever fetches our key set now
and then always finds the key of a token. Running processes notice changed files by themselves, within a second.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel import clock
from kernel.settings import Settings, SettingsError
from oauth.keys import ES256_KEY, RS256_KEY
from oauth.tokens import LIFETIME_SECONDS
from runtime.data_folder import write_private
from runtime.keys import es256_key, rs256_key

# Our key set may be kept for five minutes (open_api/oauth/endpoints.py); after twice that everybody has the next key.
PUBLISHED_SECONDS_MIN: Final = 600
# ID tokens are checked when they arrive, access tokens for as long as they live.
KEPT_SECONDS: Final = LIFETIME_SECONDS + 600
_MAKERS: Final = {ES256_KEY: es256_key, RS256_KEY: rs256_key}


@dataclass(frozen=True, slots=True)
class Step:
    """What was done with one kind of key."""

    name: str
    said: str


def rotate(folder: Path, *, at: float, now_at_once: bool = False) -> list[Step]:
    """Take the next step for each kind of key: publish the next one, let it sign, and take old ones away.

    at: seconds since 1970. now_at_once: the present key is in wrong hands, so it goes at once, with its tokens.

    Raises:
        FileNotFoundError: there is no signing key at all.
    """
    steps = []
    for name, make in _MAKERS.items():
        current = folder / f"{name}.pem"
        if not current.exists() and name == RS256_KEY:
            write_private(current, make())
            steps.append(Step(name, "made"))
            continue
        # Named so that it is missed loudly.
        current.stat()
        steps += _retire(folder, name, at=at, every=now_at_once)
        steps.append(_advance(folder, name, at=at, now_at_once=now_at_once))
    return steps


def _advance(folder: Path, name: str, *, at: float, now_at_once: bool) -> Step:
    current, upcoming = folder / f"{name}.pem", folder / f"{name}.next.pem"
    if not upcoming.exists():
        write_private(upcoming, _MAKERS[name]())
        if not now_at_once:
            return Step(name, f"the next key is published; run this again in {PUBLISHED_SECONDS_MIN // 60} minutes")
    waits = upcoming.stat().st_mtime + PUBLISHED_SECONDS_MIN - at
    if waits > 0 and not now_at_once:
        return Step(name, f"the next key signs in {int(waits) + 1} s at the earliest; run this again then")
    if now_at_once:
        upcoming.replace(current)
        return Step(name, "replaced at once; what the key before signed is worth nothing any more")
    # A second name first: at no instant is the key that signs missing from what is published.
    retired = folder / f"{name}.until-{int(at) + KEPT_SECONDS}.pem"
    os.link(current, retired)
    upcoming.replace(current)
    return Step(name, "the next key signs from now on; the one before is published until its tokens have ended")


def _retire(folder: Path, name: str, *, at: float, every: bool) -> list[Step]:
    """Take away keys whose tokens have ended; those that somebody named otherwise are theirs to take away."""
    gone = []
    for path in sorted(folder.glob(f"{name}.until-*.pem")):
        until = path.name.removeprefix(f"{name}.until-").removesuffix(".pem")
        if every or (until.isdigit() and int(until) <= at):
            path.unlink()
            gone.append(Step(name, f"{path.name} is taken away"))
    return gone


def main(arguments: list[str]) -> int:
    """Take the next step, and say what it was."""
    parser = argparse.ArgumentParser(prog="./hospital keys", description=__doc__.partition(": ")[2].splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("rotate", help="take the next step; run it daily, or by hand")
    action.add_argument("--at-once", action="store_true", help="a key is in wrong hands: end it and its tokens now")
    given = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
        steps = rotate(settings.keys_dir, at=time.time(), now_at_once=given.at_once)
    except (SettingsError, FileNotFoundError, PermissionError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return 1
    for step in steps:
        print(f"{clock.now().astimezone(clock.SHANGHAI).isoformat(timespec='seconds')}  {step.name}: {step.said}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
