"""From where a request came: the address that our own proxies saw, never one that a caller wrote."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from partners.policies import Address

FORWARDED_ENTRIES_MAX: Final = 50
_SHOWN_BITS: Final = {4: 24, 6: 48}


def client_address(peer: str, forwarded: Sequence[str], *, trusted_proxies: int) -> Address | None:
    """Tell the address of a caller behind so many proxies of ours; None where it cannot be known.

    Each of our proxies adds the address that it saw at the right end of X-Forwarded-For. With one proxy the last
    entry is the caller's, with two the one before, and what stands further left was written by the caller. With
    fewer entries than proxies the request has not come the usual way, and nothing in it is believed.

    peer: who opened the connection. forwarded: the header's lines in their order.
    """
    if trusted_proxies == 0:
        return _parse(peer)
    entries = ",".join(forwarded).rsplit(",", FORWARDED_ENTRIES_MAX)
    if len(entries) < trusted_proxies:
        return None
    return _parse(entries[-trusted_proxies])


@lru_cache(maxsize=10_000)
def masked(address: Address | None) -> str | None:
    """Write an address for the records: the network (/24, /48) instead of the single machine."""
    if address is None:
        return None
    return str(ip_network((address, _SHOWN_BITS[address.version]), strict=False))


@lru_cache(maxsize=10_000)
def _parse(text: str) -> Address | None:
    text = text.strip()
    # Some proxies write the port too: 203.0.113.7:4711, [2001:db8::1]:4711.
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address
