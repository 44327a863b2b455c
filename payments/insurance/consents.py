"""A person's consent to pay with their insurance, as the patients' app brings it: where it is given, and whose it is.

The app brings a code that is good once; what it stands for is asked of the insurance's electronic credential by this
server, never taken from a phone (docs/adr/0475).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote
from uuid import UUID

from kernel.db import Database, Transaction
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from patients.his import load_patient_facts
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.port import Consents, Insured
from payments.insurance import errors
from payments.insurance.centres import account_for

RESIDENT_CARD: Final = "CN-ID"
"""The one document by which the insurance looks people up here (its type 01)."""
NUMBER: Final = "{payOrdId}"
"""What stands in a cashier's address for the insurance's number of an order."""

log = get_logger("payments")

Close = Callable[[], Awaitable[None]]


class MiniProgramPlace(NamedTuple):
    """A page of another mini-program."""

    app_id: str
    path: str


class Place(NamedTuple):
    """Where somebody agrees to something at the insurance, in a browser and in WeChat; None: not there."""

    page_url: str | None
    mini_program: MiniProgramPlace | None


@dataclass(frozen=True, slots=True)
class Desk:
    """The hospital's way to people's consents. consent_at: to be asked for; cashier_at: to what was decided."""

    consents: Consents
    consent_at: Place
    cashier_at: Place


class Brought(NamedTuple):
    """What the app brings back from where a person agreed. openid: who brings it, in a mini-program."""

    code: str
    openid: str | None


class _Known:
    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.close: Close | None = None


_KNOWN: Final = _Known()


def set_desk(desk: Desk | None, close: Close | None = None) -> None:
    """Say, at start-up, how this process learns of consents; None: not at all."""
    _KNOWN.desk = desk
    _KNOWN.close = close


async def close_desk() -> None:
    """Give the connections back, at the end of a process."""
    close = _KNOWN.close
    set_desk(None)
    if close is not None:
        await close()


async def consent_place(db: Database | Transaction, patient_id: UUID, *, back_url: str) -> Place | None:
    """Say where somebody consents to having bills shared; None: it is not offered here, or not to this person.

    Raises:
        DatabaseUnavailable.
    """
    if _KNOWN.desk is None:
        return None
    try:
        await account_for(db, None)
        await insured_person(db, patient_id)
    except (errors.InsuranceNotOffered, errors.NotInsured):
        return None
    return _led_back(_KNOWN.desk.consent_at, back_url)


def cashier_place(pay_order_id: str, *, back_url: str) -> Place | None:
    """Say where somebody agrees to what the insurance has decided of an order; None: not from here."""
    if _KNOWN.desk is None:
        return None
    page_url, mini_program = _KNOWN.desk.cashier_at
    number = quote(pay_order_id, safe="")
    named = Place(
        page_url and page_url.replace(NUMBER, number),
        mini_program and mini_program._replace(path=mini_program.path.replace(NUMBER, number)),
    )
    return _led_back(named, back_url)


async def accept_consent(db: Database | Transaction, patient_id: UUID, brought: Brought) -> str:
    """Give the number of a person's consent (payAuthNo) for the code that the app brought.

    Raises:
        InsuranceNotOffered, NotInsured.
        ConsentRefused: the code is used, too old, or none.
        ConsentOfAnother: it is somebody else's insurance.
        InsuranceSilent: the credential has not answered; somebody has to consent again.
        DatabaseUnavailable.
    """
    if _KNOWN.desk is None:
        raise errors.InsuranceNotOffered
    person = await insured_person(db, patient_id)
    try:
        consent = await _KNOWN.desk.consents.read(brought.code, openid=brought.openid)
    except ChannelUnavailable as error:
        log.warning("insurance_consent_not_known", reason=str(error))
        raise errors.InsuranceSilent from error
    except ChannelRefused as error:
        raise errors.ConsentRefused from error
    except SecretMissing as error:
        raise errors.InsuranceNotOffered from error
    if (consent.insured.name, consent.insured.document_number.upper()) != (person.name, person.document_number.upper()):
        raise errors.ConsentOfAnother
    return consent.pay_auth_no


async def insured_person(db: Database | Transaction, patient_id: UUID) -> Insured:
    """Say by which name and number the insurance looks a person up.

    Raises:
        NotInsured: they are known by another document.
        DatabaseUnavailable.
    """
    person = (await load_patient_facts(db, [patient_id])).get(patient_id)
    if person is None or person.document_type != RESIDENT_CARD or person.document_number is None:
        raise errors.NotInsured
    return Insured(person.name, person.document_number)


def _led_back(place: Place, back_url: str) -> Place:
    """Name in a page's address where it leads back to; a mini-program goes back by itself."""
    if place.page_url is None:
        return place
    mark = "&" if "?" in place.page_url else "?"
    return place._replace(page_url=f"{place.page_url}{mark}redirectUrl={quote(back_url, safe='')}")
