"""How a patient reaches a person: the hospital's telephone, for what no screen answers."""

from typing import Final

from open_api.calls import Reply, ok
from patient_app.calls import PatientCall
from patient_app.routing import Routes

routes = Routes("contact")
_known: Final[dict[str, str | None]] = {"phone": None}


def set_hotline(phone: str | None) -> None:
    """Say at start-up which number patients may ring; None where the hospital has given none."""
    _known["phone"] = phone


@routes.get("/contact", response="app/contact.json", is_public=True)
async def get_contact(_call: PatientCall) -> Reply:
    """Read which number to ring."""
    return ok(dict(_known))
