"""Addresses that partners name: what we fetch from or send to there, and never from inside our own network.

A name is resolved once, every address it has must be a public one, and the connection goes to the address that was
looked at (a second resolution could say something else). In the sandbox a partner's program may run on the same
machine, so loopback is allowed there.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

CONNECT_SECONDS_MAX: Final = 2.0
FETCH_SECONDS_MAX: Final = 4.0


class OutboundRefused(Exception):
    """We do not go there, or nothing usable came back; the text says why, without what came."""


@dataclass(slots=True)
class _Policy:
    allow_loopback: bool = False


_policy = _Policy()


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the address that was looked at, and the name by which it was asked for."""

    url: str
    host: str
    name: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a partner's server answered."""

    body: bytes
    headers: Mapping[str, str]


def allow_loopback(*, allowed: bool) -> None:
    """Let this process reach its own machine at a partner's word: the sandbox alone."""
    _policy.allow_loopback = allowed


async def resolve(url: str) -> Target:
    """Look an address up and give where to connect.

    Raises:
        OutboundRefused: not https, unknown, or an address of a network that is nobody's but ours.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.scheme not in ("https", "http"):
        raise OutboundRefused("that is no https address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutboundRefused("its host is not known") from error
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if address.is_loopback and _policy.allow_loopback:
            continue
        if not is_public(address):
            raise OutboundRefused("its host is not on the public internet")
        if parts.scheme != "https":
            raise OutboundRefused("that is no https address")
    if not addresses:
        raise OutboundRefused("its host is not known")
    literal = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
    pinned = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, ""))
    return Target(pinned, parts.netloc, parts.hostname)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is anybody's on the internet; one that hides another inside is not."""
    return address.is_global and not address.is_multicast and not any(address in network for network in _CLOSED)


# What is not the public internet, or leads out of it again. Written out, because what the standard library calls global
# has changed between its releases; its own judgement is asked besides.
_CLOSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own, and the metadata service of Alibaba Cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # the platform service of Azure, on a public address
        "169.254.0.0/16",  # link-local: metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052): an IPv4 address in disguise
        "64:ff9b:1::/48",  # NAT64 of one's own (RFC 8215)
        "100::/64",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


async def fetch(url: str, *, bytes_max: int, accept: str) -> Fetched:
    """Read a document from a partner's server: no redirects, no proxies, bounded in time and size.

    Raises:
        OutboundRefused: we do not go there, or no such document came back.
    """
    try:
        async with asyncio.timeout(FETCH_SECONDS_MAX):
            target = await resolve(url)
            async with (
                httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=CONNECT_SECONDS_MAX) as client,
                client.stream(
                    "GET",
                    target.url,
                    # A few bytes could be unpacked to very many before anybody counts them.
                    headers={"host": target.host, "accept": accept, "accept-encoding": "identity"},
                    extensions={"sni_hostname": target.name},
                ) as answer,
            ):
                if answer.status_code != 200:
                    raise OutboundRefused(f"its server answers {answer.status_code}")
                body = b""
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > bytes_max:
                        raise OutboundRefused(f"it is longer than {bytes_max} bytes")
                return Fetched(body, dict(answer.headers))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError) as error:
        raise OutboundRefused("its server does not answer") from error
