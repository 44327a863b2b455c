"""`python -m runtime.demo_pay`: bring a hospital up, tell the story of its money there, and take it down again.

The hospital is one of its own, since the story needs a night to pass: its clock can be moved.
"""

import argparse
import subprocess
import sys

from runtime.cli.data_option import data_folder
from runtime.own_hospital import DemoFailed, hospital_of, own_folder
from runtime.supervisor.plan import ROOT

STORY = "runtime.demo_pay.story"


def main(arguments: list[str]) -> int:
    """Tell the story, or say at which step it broke: exit status 1."""
    given = _arguments(arguments)
    try:
        with own_folder(given, name="demo-pay") as folder:
            print(
                "A hospital of its own comes up; its clock can be moved, for its books close over a day ...", flush=True
            )
            with hospital_of(folder, keep=given.keep, demo_hospital="usual") as platform:
                argv = [sys.executable, "-m", STORY]
                done = subprocess.run(argv, cwd=ROOT, env=platform.environment(), check=False)
            if given.keep:
                print(f"\nThe hospital stays up: ./hospital status --data {folder.root}")
            return done.returncode
    except DemoFailed as failed:
        print(f"The story could not be told: {failed}", file=sys.stderr)
        return 1


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./hospital demo pay",
        description="Book and pay through the emulated WeChat Pay, pay bills, refund, cancel, and close the books of"
        " the day; the ledger is printed at each step. A hospital of its own is brought up for it.",
    )
    parser.add_argument(
        "--data", type=data_folder, metavar="DIR", help="an empty folder for it (default: a temporary one)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the hospital up afterwards, to look around")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
