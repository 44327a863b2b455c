"""What the authorization server asks of others: who has consented to what is known to `patients` alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


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


class _Ports:
    consents: Consents | None = None


_ports = _Ports()


def set_consents(consents: Consents | None) -> None:
    """Name who knows the consents; without anybody, nothing that rests on one is offered."""
    _ports.consents = consents


def consents() -> Consents | None:
    """Give who knows the consents."""
    return _ports.consents
