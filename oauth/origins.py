"""From which web origins applications in browsers ask: those of the redirect addresses that are registered."""

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from kernel.db import database

REMEMBER_SECONDS: Final = 1.0
ADDRESSES_MAX: Final = 20_000


@dataclass(slots=True)
class _Known:
    origins: frozenset[str] = frozenset()
    until: float = 0.0


_known = _Known()


async def is_application_origin(origin: str) -> bool:
    """Tell whether an active application runs in browsers under this origin; known a second ago at most.

    Raises:
        DatabaseUnavailable.
    """
    if _known.until <= time.monotonic():
        rows = await database().fetch(
            "SELECT DISTINCT unnest(redirect_uris) AS address FROM oauth_client"
            " WHERE application_type = 'browser' AND status = 'active' LIMIT $1",
            ADDRESSES_MAX,
        )
        _known.origins = frozenset(_origin(row["address"]) for row in rows)
        _known.until = time.monotonic() + REMEMBER_SECONDS
    return origin in _known.origins


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
