"""People with documents of the test range, and who asks for them."""

from datetime import date

from kernel.events import Actor
from patients.documents import check_character
from patients.service import Registration

PORTAL = Actor(client_id="portal", channel="portal", kind="partner")
OTHER_PORTAL = Actor(client_id="insurer", channel="portal", kind="partner")
KIOSK = Actor(client_id="kiosk", channel="kiosk", kind="internal", staff_code="S0001")


def resident_id(*, born: date = date(1990, 3, 7), sequence: int = 17, region: str = "440111") -> str:
    """Make a resident identity number; an odd sequence is a man's."""
    body = f"{region}{born:%Y%m%d}{sequence:03d}"
    return body + check_character(body)


def registration(
    *,
    name: str = "张三",
    number: str | None = None,
    document_type: str = "CN-ID",
    sex: int | None = None,
    birth_date: date | None = None,
    phone: str | None = None,
) -> Registration:
    """What a client sends to register somebody."""
    return Registration(name, document_type, number or resident_id(), sex, birth_date, phone)
