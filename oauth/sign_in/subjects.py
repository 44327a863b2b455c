"""Who signs in, from where, and how each attempt is written down."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Transaction

SubjectKind = Literal["staff", "account"]
IPV6_PREFIX_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """A member of staff or a patient's account."""

    kind: SubjectKind
    id: UUID


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that has come to a page: what every attempt is counted and written down by.

    token: the browser's own secret, from its cookie. address: as text; only keyed hashes of it are kept.
    """

    token: str
    address: str
    device: str
    request_id: str | None = None
    language: str = "zh"

    @property
    def hash(self) -> bytes:
        """What ties a challenge to the browser that asked for it."""
        return cipher().lookup_hash(f"visit\n{self.token}")

    @property
    def address_hash(self) -> bytes:
        """The address as it is kept; an IPv6 household counts as one."""
        return cipher().lookup_hash(f"address\n{_household(self.address)}")


async def record_attempt(
    db: Database | Transaction,
    kind: str,
    visit: Visit,
    *,
    subject: Subject | None = None,
    method: str | None = None,
    session_id: UUID | None = None,
) -> None:
    """Append what was tried or done, by ids and keyed hashes alone."""
    await db.execute(
        "INSERT INTO sign_in_event (at, kind, subject_kind, subject_id, method, session_id, address_hash, request_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        clock.now(),
        kind,
        subject.kind if subject else None,
        subject.id if subject else None,
        method,
        session_id,
        visit.address_hash,
        visit.request_id,
    )


def _household(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{int(address) >> (128 - IPV6_PREFIX_BITS):x}::/{IPV6_PREFIX_BITS}"
