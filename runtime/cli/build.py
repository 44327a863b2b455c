"""`./hospital build`: the patients' front end, built by hand for WeChat and for browsers."""

import argparse
import sys

from runtime import frontend


def build(given: argparse.Namespace) -> int:
    """Build what is not current, and say where it lies."""
    targets = frontend.TARGETS if given.target == "all" else (given.target,)
    try:
        frontend.build(targets, _tell)
    except frontend.Unbuildable as error:
        print(f"Not built: {error}", file=sys.stderr)
        return 1
    for target in targets:
        print(f"{target:<10} {frontend.built(target).relative_to(frontend.ROOT)}")
    return 0


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
