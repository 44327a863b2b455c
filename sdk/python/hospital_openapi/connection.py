"""What both clients know of connections and pages."""

from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from hospital_openapi.errors import ConnectionFailed, UnexpectedAnswer

DEFAULT_TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def cleaned(base_url: str) -> str:
    """Check the hospital's address.

    Raises:
        ValueError: it is no address, has a path, or is not https although it leaves this machine.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{base_url} is not the address of a hospital, such as https://open.hospital.example")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("The hospital's address is given without a path, a query or a name.")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ValueError("Secrets and patients' data only go over https; http is for this machine alone.")
    return f"{parts.scheme}://{parts.netloc}"


def connection_failed(error: httpx.TransportError, *, attempts: int) -> ConnectionFailed:
    """Say that no token was to be had."""
    return ConnectionFailed(
        f"No access token: {type(error).__name__}: {error}", attempts=attempts, request_id="none", idempotency_key=None
    )


def page_of(page: Any, cursor: str | None) -> tuple[list[Any], str | None]:
    """Take a page apart: its entries, and the cursor of the next; None: this was the last.

    A feed always has a next page, for more may happen; it is read through when a page comes empty.

    Raises:
        UnexpectedAnswer: the list goes in circles.
    """
    items: list[Any] = page["items"]
    following: str | None = page["next"]
    if not items:
        return [], None
    if following is not None and following == cursor:
        raise UnexpectedAnswer("The list goes in circles", status=200, request_id=None)
    return items, following
