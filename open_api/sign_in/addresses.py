"""Where the pages stand, and how one leads to the next."""

from typing import Final
from urllib.parse import quote

AFTER_SIGN_IN: Final = "/account/sessions"


def with_continue(path: str, target: str) -> str:
    """Give a page's address with where to go on from it."""
    if target == AFTER_SIGN_IN:
        return path
    joint = "&" if "?" in path else "?"
    return f"{path}{joint}continue={quote(target, safe='')}"
