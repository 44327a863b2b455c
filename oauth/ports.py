"""What the authorization server asks of others: consents are known to `patients` alone, the gateway to `partners`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from oauth.clients import Client, active_client


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person has allowed a client for one patient. until: it ends by itself then."""

    id: UUID
    scopes: frozenset[str]
    until: datetime


class Consents(Protocol):
    """The consents that people have given, and not withdrawn."""

    async def find_consent(self, *, client_id: str, account_id: UUID, patient_id: UUID) -> Consent | None:
        """Give the consent in force of this person, for this patient, to this client; None where there is none."""
        ...


class Doors(Protocol):
    """The doors that the hospital has set before its applications, in working hours and in an emergency."""

    async def admit(self, client: Client, *, operation: str, address: str) -> None:
        """Let in what an application asks of us here, and count it.

        Raises:
            InvalidClientError: it is stopped, or may not come from there.
            TooManyAttempts: it asks too often.
            DatabaseUnavailable.
        """
        ...

    async def is_stopped(self, client: Client) -> bool:
        """Tell whether an application is stopped, wherever it asks from."""
        ...


class _Ports:
    consents: Consents | None = None
    doors: Doors | None = None


_ports = _Ports()


def set_consents(consents: Consents | None) -> None:
    """Name who knows the consents; without anybody, nothing that rests on one is offered."""
    _ports.consents = consents


def consents() -> Consents | None:
    """Give who knows the consents."""
    return _ports.consents


def set_doors(doors: Doors | None) -> None:
    """Name who keeps the doors; without anybody, all that are registered come in."""
    _ports.doors = doors


async def admit(client: Client, *, operation: str, address: str) -> None:
    """Let in what a client that has proved itself asks of us, or not.

    Raises:
        InvalidClientError, TooManyAttempts, DatabaseUnavailable.
    """
    if _ports.doors is not None:
        await _ports.doors.admit(client, operation=operation, address=address)


async def is_stopped(client: Client) -> bool:
    """Tell whether the hospital has stopped a client, so that nothing of it opens anything.

    Raises:
        DatabaseUnavailable.
    """
    return _ports.doors is not None and await _ports.doors.is_stopped(client)


async def is_let_in(client_id: str) -> bool:
    """Tell whether a client is registered, active and not stopped: whether its tokens are worth anything.

    Raises:
        DatabaseUnavailable.
    """
    client = await active_client(client_id)
    return client is not None and not await is_stopped(client)
