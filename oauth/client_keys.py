"""The public keys of client applications: inline, or fetched from where the application publishes them."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from joserfc.jwk import KeySet

from kernel import outbound
from kernel.log import get_logger
from kernel.outbound import OutboundRefused
from oauth.client_rules import MetadataRefused, read_key_set
from oauth.clients import Client
from oauth.jose import Key, StatementRefused, find_key

BYTES_MAX: Final = 64 * 1024
USUAL_SECONDS: Final = 300.0
KEPT_SECONDS_MAX: Final = 3_600.0
# However many statements of a client name keys that we do not know: so often is its server asked anew.
ASKED_AGAIN_SECONDS: Final = 5.0
FAILURE_SECONDS: Final = 5.0
REMEMBERED_MAX: Final = 2_000
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=\"?(\d{1,9})")

log = get_logger("oauth")


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A client's keys. Times are of the process's own clock, in seconds; keys: None where they could not be had."""

    keys: KeySet | None
    asked_at: float
    good_until: float


_fetched: dict[tuple[str, str], _Fetched] = {}
_locks: dict[tuple[str, str], asyncio.Lock] = {}


async def key_for(client: Client, header: Mapping[str, Any]) -> Key:
    """Find the key of a client that a statement's header names, asking its server where it publishes new ones.

    Makes a network call; never within a transaction.

    Raises:
        StatementRefused: there is no such key, or the keys cannot be had.
    """
    if "jku" in header and header["jku"] != client.jwks_uri:
        raise StatementRefused("its jku is not the registered address")
    if client.jwks is not None:
        key = find_key(_inline(client.jwks), header)
    elif client.jwks_uri is not None:
        key = find_key(await _published(client.id, client.jwks_uri, again=False), header)
        if key is None:
            key = find_key(await _published(client.id, client.jwks_uri, again=True), header)
    else:
        key = None
    if key is None:
        raise StatementRefused("the client has no such key")
    return key


def _inline(document: dict[str, Any]) -> KeySet:
    return _read_text(orjson.dumps(document))


@lru_cache(maxsize=REMEMBERED_MAX)
def _read_text(text: bytes) -> KeySet:
    return _read(orjson.loads(text))


def _read(document: Any) -> KeySet:
    try:
        return read_key_set(document)
    except MetadataRefused as error:
        raise StatementRefused("its key set cannot be used") from error


async def _published(client_id: str, address: str, *, again: bool) -> KeySet:
    place = (client_id, address)
    async with _locks.setdefault(place, asyncio.Lock()):
        known, now = _fetched.get(place), time.monotonic()
        is_stale = known is None or (known.asked_at <= now - ASKED_AGAIN_SECONDS if again else known.good_until <= now)
        if known is None or is_stale:
            known = await _ask(client_id, address)
            if len(_fetched) >= REMEMBERED_MAX:
                _fetched.clear()
                _locks.clear()
            _fetched[place] = known
    if known.keys is None:
        raise StatementRefused("its keys could not be fetched")
    return known.keys


async def _ask(client_id: str, address: str) -> _Fetched:
    asked_at = time.monotonic()
    try:
        found = await outbound.fetch(address, bytes_max=BYTES_MAX, accept="application/jwk-set+json, application/json")
        keys = _read(orjson.loads(found.body))
    except (OutboundRefused, StatementRefused, orjson.JSONDecodeError) as error:
        log.warning("client_keys_not_had", client_id=client_id, reason=str(error) or type(error).__name__)
        return _Fetched(None, asked_at, asked_at + FAILURE_SECONDS)
    return _Fetched(keys, asked_at, asked_at + seconds_good(found.headers))


def seconds_good(headers: Mapping[str, str]) -> float:
    """Tell how long a key set may be kept: no longer than its server says (RFC 9111 section 5.2)."""
    said = headers.get("cache-control", "").lower()
    if "no-store" in said or "no-cache" in said:
        return 0.0
    found = _MAX_AGE.search(said)
    if found is None:
        return USUAL_SECONDS
    age = int(headers["age"]) if headers.get("age", "").isdigit() else 0
    return min(KEPT_SECONDS_MAX, max(0.0, float(int(found[1]) - age)))
