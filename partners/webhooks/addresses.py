"""Where webhooks may go: to public addresses alone, whatever a name says today or tomorrow.

A partner chooses the address that our workers connect to. Without care they would reach what stands behind the
hospital's own walls: the HIS, a cloud's metadata service, this process itself (server-side request forgery). So a name
is resolved here, every address that it has is checked, and the connection is made to one of the checked addresses and
not to the name, which could resolve to another by then.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from kernel.outbound import is_public
from partners.webhooks.errors import AddressRefused

URL_CHARACTERS_MAX: Final = 500
RESOLVE_SECONDS_MAX: Final = 5.0
RESOLVERS: Final = 16
ADDRESSES_MAX: Final = 8
PORTS: Final = frozenset({443, 8443})
LOOPBACK_PORT_MIN: Final = 1_024

_HOST: Final = re.compile(
    r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])", re.ASCII
)
_URL: Final = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+", re.ASCII)
"""Visible ASCII of RFC 3986; no quotes, brackets, backslashes, spaces or control characters."""
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Target:
    """An address as a partner wrote it, in its parts. `path` has the query with it."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Policy:
    """loopback: this is a sandbox, in which a receiver may stand on the machine itself, over plain http."""

    loopback: bool = False

    def parse(self, url: str) -> Target:
        """Read an address and refuse what no name service has to be asked about.

        Raises:
            AddressRefused.
        """
        if len(url) > URL_CHARACTERS_MAX or not _URL.fullmatch(url):
            raise AddressRefused(reason="form")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused(reason="form") from error
        if parts.username is not None or parts.password is not None or "#" in url:
            raise AddressRefused(reason="form")
        host = (parts.hostname or "").lower()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if self.loopback and (f"[{host}]" if ":" in host else host) in _LOOPBACK_HOSTS:
            return self._parse_loopback(parts.scheme, host, port, path)
        if parts.scheme != "https":
            raise AddressRefused(reason="scheme")
        if not _HOST.fullmatch(host):
            # Addresses in numbers are refused in all their ways of writing: no certificate would be for them.
            raise AddressRefused(reason="host")
        port = 443 if port is None else port
        if port not in PORTS:
            raise AddressRefused(reason="port")
        return Target(tls=True, host=host, port=port, path=path)

    def _parse_loopback(self, scheme: str, host: str, port: int | None, path: str) -> Target:
        if scheme not in ("http", "https"):
            raise AddressRefused(reason="scheme")
        if port is None or port < LOOPBACK_PORT_MIN:
            raise AddressRefused(reason="port")
        return Target(tls=scheme == "https", host=host, port=port, path=path)

    def permits(self, text: str) -> bool:
        """Tell whether an address may be connected to."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if self.loopback and address in _LOOPBACK:
            return True
        return is_public(address)


_LOOPBACK: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


def look_up(host: str) -> list[str]:
    """Ask the system's name service; every address of a name, as text.

    Raises:
        OSError, UnicodeError: it has none, or nobody answers.
    """
    rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]


class Resolver:
    """Resolves names beside the event loop, a name that many wait for once.

    It has threads of its own: a name whose servers keep silent holds up one of them, and nobody else.
    """

    def __init__(self, policy: Policy, *, look_up: Callable[[str], list[str]] = look_up) -> None:
        self.policy = policy
        self._look_up_name = look_up
        self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")
        self._running: dict[str, asyncio.Task[list[str]]] = {}

    async def resolve(self, target: Target) -> list[str]:
        """Give the addresses of a target; where one of them must not be connected to, none is.

        Raises:
            AddressRefused: `not_public`, of a name that has no address too, so that nobody learns from us which names
                there are inside the hospital.
        """
        task = self._running.get(target.host)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look_up(target.host))
            self._running[target.host] = task
            task.add_done_callback(lambda _: self._running.pop(target.host, None))
        try:
            async with asyncio.timeout(RESOLVE_SECONDS_MAX):
                found = await asyncio.shield(task)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise AddressRefused(reason="not_public") from error
        if not found:
            raise AddressRefused(reason="not_public")
        if not all(self.policy.permits(address) for address in found):
            raise AddressRefused(reason="not_public")
        return found[:ADDRESSES_MAX]

    async def _look_up(self, host: str) -> list[str]:
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._threads, self._look_up_name, host)
        return list(dict.fromkeys(rows))

    def close(self) -> None:
        """Let the threads end when they have nothing more to do."""
        self._threads.shutdown(wait=False, cancel_futures=True)


_resolver: Resolver | None = None


def open_resolver(policy: Policy) -> Resolver:
    """Set for this process where webhooks may go; a resolver of before is closed."""
    global _resolver  # noqa: PLW0603  one resolver a process, set at start-up
    if _resolver is not None:
        _resolver.close()
    _resolver = Resolver(policy)
    return _resolver


def resolver() -> Resolver:
    """Give the resolver that start-up has opened."""
    assert _resolver is not None, "open_resolver() runs at start-up"
    return _resolver
