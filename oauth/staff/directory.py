"""The hospital's own directory of people (LDAP, Active Directory), as sign-in and administration would ask it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """Somebody as the directory knows them. groups: names that the hospital maps to roles."""

    code: str
    name: str
    active: bool
    groups: Sequence[str]


class Directory(Protocol):
    """A directory behind this port is master of who works here; it never learns our own credentials."""

    async def find_person(self, code: str) -> DirectoryPerson | None:
        """Give the person of a staff code.

        Raises:
            Unavailable: the directory does not answer.
        """
        ...

    async def password_fits(self, code: str, password: str) -> bool:
        """Check a password by binding with it, over TLS; an empty one never fits (RFC 4513 section 5.1.2).

        Raises:
            Unavailable: the directory does not answer.
        """
        ...

    async def list_leavers(self, *, since: datetime) -> Sequence[str]:
        """Give the codes of those who have left, or were shut out, since an instant.

        Raises:
            Unavailable: the directory does not answer.
        """
        ...
