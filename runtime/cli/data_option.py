"""`--data DIR`: which platform of this machine a command means."""

import os
from pathlib import Path

from runtime.data_folder import DataFolder

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT = ".data"


def data_folder(given: str) -> DataFolder:
    """Find the folder: `.data` beside the command, anything else from where the person stands."""
    base = ROOT if given == DEFAULT else Path(os.environ.get("HOSPITAL_CALLED_FROM", "."))
    return DataFolder(Path(os.path.normpath(base / Path(given).expanduser())))


def split_data_option(arguments: list[str]) -> tuple[DataFolder, list[str]]:
    """Take `--data DIR` out of arguments that are passed on to another program."""
    rest, chosen, position = [], DEFAULT, 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--data" and position + 1 < len(arguments):
            chosen = arguments[position + 1]
            position += 2
            continue
        if argument.startswith("--data="):
            chosen = argument.removeprefix("--data=")
        else:
            rest.append(argument)
        position += 1
    return data_folder(chosen), rest
