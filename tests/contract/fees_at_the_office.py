"""The slot office says when the registration fee is paid, a part of its whole work."""

from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration"


async def say_when_fees_are_paid(open_api: OpenApi, office: SlotOffice) -> None:
    """A channel's patients pay first, which counts at once; the rule goes again, and the hospital's own may not."""
    schedule = await open_api.hospital.schedule(seats=3)
    (own,) = (await office.ask("GET", f"{BASE}/registration-payment-rules", status=200))["items"]
    assert (own["service_type"], own["channel"], own["policy"]) == (None, None, "later")
    rule = await office.add(f"{BASE}/registration-payment-rules", channel="portal", policy="at-window")
    path = f"{BASE}/registration-payment-rules/{rule['id']}"
    changed = await office.ask("PATCH", path, {"version": 1, "policy": "at-booking"}, status=200)
    assert await office.ask("GET", path, status=200) == changed
    again = {"channel": "portal", "policy": "none"}
    await office.ask("POST", f"{BASE}/registration-payment-rules", again, status=409, code="catalogue.duplicate")
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
    refused = await open_api.portal.post("/appointments", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "booking.payment_required")
    hold = await open_api.portal.post("/holds", body)
    refused = await open_api.portal.post("/appointments", {"hold_id": hold.json()["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "booking.payment_required")
    await office.ask("DELETE", f"{path}?version=2", status=200)
    booked = await open_api.portal.post("/appointments", {"hold_id": hold.json()["id"]})
    assert (booked.status_code, booked.json()["payment"]) == (201, "none")
    await office.ask(
        "DELETE",
        f"{BASE}/registration-payment-rules/{own['id']}?version=1",
        status=409,
        code="catalogue.essential_entry",
    )
    (terms,) = (await office.ask("GET", f"{BASE}/registration-payment-terms", status=200))["items"]
    path = f"{BASE}/registration-payment-terms/{terms['id']}"
    await office.ask("PATCH", path, {"version": 1, "pay_seconds": 600}, status=200)
    assert (await office.ask("GET", path, status=200))["pay_seconds"] == 600
