"""The supervisor as a process of its own: what `./hospital up --detach` leaves running."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from runtime.data_folder import DataFolder
from runtime.supervisor.main import AlreadyRunning, Supervisor
from runtime.supervisor.plan import Options


async def supervise(folder: DataFolder, options: Options) -> int:
    """Run until told to end; progress is asked for through the control socket."""
    supervisor = Supervisor(folder, options, on_progress=lambda _sentence: None)
    return await supervisor.run(os.environ, on_ready=lambda: None)


def main() -> int:
    """Read what `./hospital up` passes on."""
    parser = argparse.ArgumentParser(prog="python -m runtime.supervisor")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    try:
        return asyncio.run(supervise(DataFolder(given.data), Options(port=given.port, workers=given.workers)))
    except AlreadyRunning:
        print("Another supervisor runs for this data folder.", file=sys.stderr)  # noqa: T201  goes to its log
        return 1


if __name__ == "__main__":
    sys.exit(main())
