"""The processes' output: one file each in the data folder, kept from growing without end."""

import shutil
from pathlib import Path

LOG_BYTES_MAX = 50 * 1024 * 1024
TAIL_LINES = 20
TAIL_BYTES_MAX = 64 * 1024


def rotate(folder: Path) -> None:
    """Put a log that has grown too long aside, replacing the one put aside before.

    The process keeps its file open, so the file is copied and emptied; lines written in between
    may be lost, which a log can bear.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > LOG_BYTES_MAX:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+b") as file:
                file.truncate(0)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Give the last lines of a log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES_MAX))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
