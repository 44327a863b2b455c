"""`python -m runtime.cli`: what `./hospital` becomes once its environment is there."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from runtime import frontend
from runtime.cli import build, checks, doctor, modules, operate, screens, up
from runtime.cli.data_option import data_folder

Command = Callable[[argparse.Namespace], int]

PASSED_ON = {
    "demo": "Tell the story of the demonstration hospital; `demo clinic` plays a day, `demo pay` follows money.",
    "his": "status | reconcile --date D | dead-letters: in step with the core HIS.",
    "access": "Let client applications and members of staff in, and shut them out.",
    "books": "close --date D | show | workbook | settle: a day's books over channels, platform and HIS.",
    "keys": "rotate: change the keys that sign tokens.",
    "migrate": "Bring the database to the newest shape.",
    "test": "Run the tests; --all takes the slow ones as well, and pytest's options follow.",
    "bench": "Measure on this machine; alone it lists what there is.",
    "partner-check": "Try as a partner what the open API promises: --base-url URL --client-id ID.",
    "generate": "Write the generated files; --check only compares them.",
}
"""Commands whose own options are read by the program they start."""


def main(arguments: list[str]) -> int:
    """Run one command; its exit status is ours."""
    if arguments and arguments[0] in PASSED_ON:
        return _pass_on(arguments[0], arguments[1:])
    if arguments in ([], ["help"]):
        arguments = ["--help"]
    given = _parser().parse_args(arguments)
    command: Command = given.run
    try:
        return command(given)
    except KeyboardInterrupt:
        return 130


def _pass_on(name: str, arguments: list[str]) -> int:
    if name == "test":
        return checks.test(arguments)
    return modules.run(name, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./hospital",
        description="Run, test and look after the hospital platform.",
        epilog="Each command has a --help of its own; those that ask a running platform take --data DIR.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Command, summary: str, *, has_data: bool = True) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=summary, description=summary)
        one.set_defaults(run=run)
        if has_data:
            one.add_argument("--data", type=data_folder, default=data_folder(".data"), metavar="DIR")
        return one

    one = add("up", up.up, "Start everything and say where it is.")
    one.add_argument("--detach", action="store_true", help="give the terminal back once the platform serves")
    one.add_argument("--port", type=int, help="port of the open API; 0 = any free one (default 8000)")
    one.add_argument("--workers", type=int, help="number of web processes")
    add("down", operate.down, "Stop everything, letting work under way finish.")
    one = add("status", operate.status, "Show what runs.")
    one.add_argument("--json", action="store_true", help="for scripts")
    one = add("logs", operate.logs, "Show what the processes have written.")
    one.add_argument("names", nargs="*", metavar="NAME", help="only these processes")
    one.add_argument("-f", "--follow", action="store_true", help="go on as they write")
    one.add_argument("-n", "--lines", type=int, default=20, help="how many lines of each (default 20)")
    for name, summary in (
        ("stop", "Take one process down; it stays down until started."),
        ("start", "Start a process that was taken down, and wait until it serves."),
        ("restart", "Stop and start one process."),
    ):
        one = add(name, operate.change, summary)
        one.add_argument("name", help="as in ./hospital status; `web` means all web processes")
        one.set_defaults(change=name)
    one = add("build", build.build, "Build the patients' pages and mini-program.", has_data=False)
    one.add_argument("--target", choices=("all", *frontend.TARGETS), default="all", help="for whom (default: both)")
    one = add("screens", screens.screens, "Take pictures of every screen of the patients' pages.", has_data=False)
    screens.add_options(one)
    add("doctor", doctor.doctor, "Say in plain words what is missing or misconfigured.")
    add("check", checks.check, "Run the linters, the type checker and tests/tidy.", has_data=False)
    for name, summary in PASSED_ON.items():
        commands.add_parser(name, help=summary, add_help=False)
    one = add("lock", checks.lock, "Compile requirements/*.in to hash-pinned locks.", has_data=False)
    one.add_argument("--upgrade", action="store_true", help="move to the newest allowed versions")
    return parser


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
    sys.exit(main(sys.argv[1:]))
