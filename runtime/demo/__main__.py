"""`python -m runtime.demo`: tell the story against the platform of a data folder; exit status 1 where it fails."""

import argparse
import os
import sys
from pathlib import Path

import httpx

from runtime.data_folder import DataFolder, read_json
from runtime.demo.narrator import DemoFailed, Narrator
from runtime.demo.parties import Hospital
from runtime.demo.story import tell
from runtime.supervisor.control import NotRunning


def main(arguments: list[str]) -> int:
    """Tell the whole story, or say at which step it broke."""
    argparse.ArgumentParser(
        prog="./hospital demo",
        description="Book, move and cancel on the demonstration hospital; take the HIS and then the platform down and"
        " let both catch up; compare both sides. `./hospital demo clinic --help`: a whole outpatient day."
        " `./hospital demo pay --help`: what happens to a patient's money.",
    ).parse_args(arguments)
    folder = DataFolder(Path(os.environ["DATA_DIR"]))
    run = read_json(Path(os.environ["RUN_FILE"]))
    if not run.get("demo_clients") or not run.get("his_http_url"):
        print("The demonstration needs ./hospital up in sandbox mode with its own HIS.", file=sys.stderr)
        return 1
    narrator = Narrator()
    try:
        with Hospital.of_run(run, folder) as hospital:
            tell(hospital, narrator)
    except DemoFailed as failed:
        print(f"\nThe demonstration failed: {failed}", file=sys.stderr)
        return 1
    except (httpx.HTTPError, NotRunning) as error:
        print(f"\nThe platform does not answer ({type(error).__name__}): see ./hospital status.", file=sys.stderr)
        return 1
    narrator.conclude()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
