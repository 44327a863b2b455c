"""`./hospital build`: the patients' front end, built by hand for WeChat and for browsers."""

import argparse
import os
import sys
from typing import Final

from runtime import frontend

PLATFORM_URL: Final = "VITE_PLATFORM_URL"
"""Whom the mini-program asks. Browsers ask the host that the page came from."""


def build(given: argparse.Namespace) -> int:
    """Build what is not current, and say where it lies."""
    targets = frontend.TARGETS if given.target == "all" else (given.target,)
    try:
        frontend.build(targets, _tell)
    except frontend.Unbuildable as error:
        print(f"Not built: {error}", file=sys.stderr)
        return 1
    if "mp-weixin" in targets and not os.environ.get(PLATFORM_URL):
        _tell(f"The mini-program asks nobody yet: build it with {PLATFORM_URL}=https://... of your platform.")
    for target in targets:
        print(f"{target:<10} {frontend.built(target).relative_to(frontend.ROOT)}")
    return 0


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
