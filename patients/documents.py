"""Identity documents: what a number must look like, and what it tells.

Resident identity numbers follow GB 11643: six digits of region, eight of birth date, three of sequence (odd for
men), one check character after ISO 7064 MOD 11-2. Residence permits of Hong Kong, Macao and Taiwan residents
(since 2018) have the same form with the regions 81, 82 and 83; foreigners' permanent residence cards of 2023
begin with 9.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from patients.errors import InvalidDocument

RESIDENT_ID: Final = "CN-ID"

# HL7 table 0203 codes for the rest; PPN is a passport.
DOCUMENT_TYPES: Final = (RESIDENT_ID, "PPN", "HKMTP", "TWMTP", "BCT")

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
_FORM: Final = re.compile(r"[1-9]\d{16}[\dX]")
_EARLIEST: Final = date(1880, 1, 1)
_OTHER_FORMS: Final = {
    "PPN": re.compile(r"[A-Z0-9]{5,20}"),
    "HKMTP": re.compile(r"[HM]\d{8}(\d{2})?"),
    "TWMTP": re.compile(r"\d{8}(\d{2})?"),
    "BCT": re.compile(r"[A-Z]\d{9}"),
}
# First two digits: provinces (GB/T 2260), the residence permits 81-83, the foreigners' card 9x.
_PROVINCES: Final = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
        "91",
    ]
)


@dataclass(frozen=True, slots=True)
class Document:
    """A checked document: type and number in canonical form; birth date and sex where the number tells them.

    sex: GB/T 2261.1, 1 male, 2 female.
    """

    type: str
    number: str
    birth_date: date | None = None
    sex: int | None = None

    @property
    def lookup_text(self) -> str:
        """What is hashed for look-up."""
        return f"{self.type}\n{self.number}"


def check_document(document_type: str, number: str, *, today: date) -> Document:
    """Check a document's number and read what it tells.

    Raises:
        InvalidDocument: rule `form`, `region`, `birth_date` or `check_digit`.
    """
    canonical = number.strip().upper()
    if document_type == RESIDENT_ID:
        return _check_resident_id(canonical, today)
    form = _OTHER_FORMS.get(document_type)
    if form is None or not form.fullmatch(canonical):
        raise InvalidDocument(rule="form")
    return Document(document_type, canonical)


def check_character(first_seventeen: str) -> str:
    """Compute the last character of a resident identity number."""
    return _CHECK[sum(int(digit) * weight for digit, weight in zip(first_seventeen, _WEIGHTS, strict=True)) % 11]


def mask_number(number: str) -> str:
    """Show only as much of a number as its owner needs to recognise it."""
    shown = 2 if len(number) > 6 else 1
    return number[:shown] + "*" * (len(number) - 2 * shown) + number[-shown:]


def _check_resident_id(number: str, today: date) -> Document:
    if not (number.isascii() and _FORM.fullmatch(number)):
        raise InvalidDocument(rule="form")
    if number[:2] not in _PROVINCES:
        raise InvalidDocument(rule="region")
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise InvalidDocument(rule="birth_date") from None
    if not _EARLIEST <= birth_date <= today:
        raise InvalidDocument(rule="birth_date")
    if check_character(number[:17]) != number[17]:
        raise InvalidDocument(rule="check_digit")
    return Document(RESIDENT_ID, number, birth_date, 1 if int(number[16]) % 2 else 2)
