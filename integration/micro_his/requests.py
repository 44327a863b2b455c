"""Reading what a clerk's program or the platform asks over REST: every field named, bounded, and of its kind."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson

from integration.micro_his.errors import InvalidRequest
from integration.micro_his.records import ToldPatient

TEXT_CHARACTERS_MAX: Final = 64
SEQUENCE_MAX: Final = 100_000
CURSOR_MAX: Final = 2**63 - 1

_NO_CONTROL: Final = re.compile("[^\x00-\x1f\x7f]+")
_HIS_ID: Final = re.compile(r"H\d{8,18}")
_MR: Final = re.compile(r"MR\d{8}")
_DOCUMENT: Final = re.compile(r"[A-Z0-9]{5,20}")
_RESIDENT_ID: Final = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_PHONE: Final = re.compile(r"\+?\d{5,20}", re.ASCII)
_DOCUMENT_TYPES: Final = ("CN-ID", "PPN", "HKMTP", "TWMTP", "BCT")
_SEXES: Final = ("M", "F", "U")
# GB 11643: the last character after ISO 7064 MOD 11-2.
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"


def read_object(body: bytes, *, known: frozenset[str]) -> dict[str, Any]:
    """Read a JSON object that has no other fields than the known ones.

    Raises:
        InvalidRequest: not JSON, not an object, or a field that we do not know.
    """
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(field="body") from error
    if not isinstance(read, dict):
        raise InvalidRequest(field="body")
    for name in read:
        if name not in known:
            raise InvalidRequest(field=name[:TEXT_CHARACTERS_MAX])
    return read


def text_of(given: Mapping[str, Any], field: str, *, most: int = TEXT_CHARACTERS_MAX) -> str:
    """A text that has to be there.

    Raises:
        InvalidRequest: missing, empty, too long, or with control characters.
    """
    value = given.get(field)
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= most or not _NO_CONTROL.fullmatch(value):
        raise InvalidRequest(field=field)
    return value.strip()


def optional_text(given: Mapping[str, Any], field: str, *, most: int = TEXT_CHARACTERS_MAX) -> str | None:
    """A text that may be left out.

    Raises:
        InvalidRequest: as text_of.
    """
    return None if given.get(field) is None else text_of(given, field, most=most)


def uuid_of(given: Mapping[str, Any], field: str) -> UUID:
    """An id of the platform that has to be there.

    Raises:
        InvalidRequest: missing, or no UUID.
    """
    try:
        return UUID(text_of(given, field))
    except ValueError as error:
        raise InvalidRequest(field=field) from error


def sequence_of(given: Mapping[str, Any], field: str) -> int | None:
    """A number of a schedule, or None: any.

    Raises:
        InvalidRequest: not a positive whole number.
    """
    value = given.get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= SEQUENCE_MAX:
        raise InvalidRequest(field=field)
    return value


def flag_of(given: Mapping[str, Any], field: str) -> bool:
    """A yes or no that may be left out: then it is no.

    Raises:
        InvalidRequest: neither true nor false.
    """
    value = given.get(field, False)
    if not isinstance(value, bool):
        raise InvalidRequest(field=field)
    return value


def his_id_of(text: object) -> str:
    """One of our appointment numbers.

    Raises:
        InvalidRequest: not of their form.
    """
    if not isinstance(text, str) or not _HIS_ID.fullmatch(text):
        raise InvalidRequest(field="his_id")
    return text


def day_of(text: object) -> date:
    """A clinic day.

    Raises:
        InvalidRequest: not a date as YYYY-MM-DD.
    """
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise InvalidRequest(field="date") from error
    raise InvalidRequest(field="date")


def cursor_of(text: str | None, field: str = "cursor") -> int:
    """A cursor that counts, 0 where there is none.

    Raises:
        InvalidRequest: not a whole number.
    """
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= CURSOR_MAX):
        raise InvalidRequest(field=field)
    return int(text)


def patient_of(given: object) -> ToldPatient:
    """The person at the window: a record number alone, or name and document for a new chart.

    Raises:
        InvalidRequest: a field is missing or cannot be meant.
    """
    known = {"mr", "name", "document_type", "document_number", "sex", "birth_date", "phone"}
    if not isinstance(given, dict) or not given or not given.keys() <= known:
        raise InvalidRequest(field="patient")
    if given.get("mr") is not None:
        mr = text_of(given, "mr")
        if not _MR.fullmatch(mr) or len(given) > 1:
            raise InvalidRequest(field="patient.mr")
        return ToldPatient(None, mr, "", None, "U", None, None, None)
    document_type = text_of(given, "document_type")
    document_number = text_of(given, "document_number").upper()
    if document_type not in _DOCUMENT_TYPES:
        raise InvalidRequest(field="patient.document_type")
    birth_date = day_of(given["birth_date"]) if given.get("birth_date") is not None else None
    sex = optional_text(given, "sex") or "U"
    if sex not in _SEXES:
        raise InvalidRequest(field="patient.sex")
    if document_type == "CN-ID":
        birth_date, sex = _read_resident_id(document_number)
    elif not _DOCUMENT.fullmatch(document_number):
        raise InvalidRequest(field="patient.document_number")
    phone = optional_text(given, "phone")
    if phone is not None and not _PHONE.fullmatch(phone):
        raise InvalidRequest(field="patient.phone")
    return ToldPatient(
        platform_id=None,
        mr=None,
        name=text_of(given, "name"),
        birth_date=birth_date,
        sex=sex,
        document_type=document_type,
        document_number=document_number,
        phone=phone,
    )


def _read_resident_id(number: str) -> tuple[date, str]:
    """Birth date and sex of a resident identity number (GB 11643)."""
    if not _RESIDENT_ID.fullmatch(number):
        raise InvalidRequest(field="patient.document_number")
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    if _CHECK[total % 11] != number[17]:
        raise InvalidRequest(field="patient.document_number")
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise InvalidRequest(field="patient.document_number") from error
    return birth_date, "M" if int(number[16]) % 2 else "F"
