"""An account whose number has gone to its next owner: whoever is signed in goes on without one."""

import json
from datetime import timedelta
from typing import Final

import pytest

from kernel import clock
from patient_app.routing import PREFIX
from patients.rights import deletions
from patients.rights.exports import make_exports
from patients.rights.ports import set_holdings
from runtime.frontend import PROJECT
from runtime.rights import build_holdings
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.sign_in import Visitor, new_phone

GONE: Final = "UPDATE patient_account SET phone_cipher = NULL, phone_hash = NULL, phone_proved_at = NULL"
PAGES: Final = ("/account/consents", "/account/accesses", "/account/sessions", "/developer")
STREAM: Final = "text/event-stream"


def readings() -> list[str]:
    """Every address of the app at which something is read, but streams, which do not end; {member} stands in some."""
    paths = json.loads((PROJECT.parent / "openapi.json").read_text(encoding="utf-8"))["paths"]
    found = [
        path.removeprefix(PREFIX) for path, item in paths.items() if STREAM not in json.dumps(item.get("get", STREAM))
    ]
    return [path for path in found if "{" not in path.replace("{patient_id}", "")]


async def test_everything_is_read_as_before(open_api: OpenApi, phone: Phone) -> None:
    member = await phone.add_member()
    paths = [path.replace("{patient_id}", str(member)) for path in readings()]
    assert len(paths) > 20
    before = {path: (await phone.get(path)).status_code for path in paths}
    await open_api.db.execute(GONE)
    after = {path: await phone.get(path) for path in paths}
    assert {path: answer.status_code for path, answer in after.items()} == before
    assert not any(phone.number in answer.text for answer in after.values())


async def test_our_own_pages_go_on(open_api: OpenApi) -> None:
    async with Visitor(open_api.server.base_url) as visitor:
        await visitor.sign_in(new_phone())
        await open_api.db.execute(GONE)
        for page in PAGES:
            answer = await visitor.get(page)
            assert answer.status_code == 200, (page, answer.text)


async def test_its_copy_and_its_end_need_no_number(open_api: OpenApi, phone: Phone) -> None:
    set_holdings(build_holdings())
    await phone.add_member()
    await open_api.db.execute(GONE)
    made = (await phone.post("/account/exports")).json()
    assert await make_exports() == 1
    copy = await phone.get(f"/account/exports/{made['id']}/file")
    assert copy.status_code == 200, copy.text
    assert phone.number not in copy.text
    assert (await phone.post("/account/deletion")).status_code == 200
    await open_api.db.execute("UPDATE account_deletion SET due_at = $1", clock.now() - timedelta(minutes=1))
    assert await deletions.delete_due() == 1
    assert (await phone.get("/account")).status_code == 401


@pytest.mark.parametrize("place", ["/session/phone-codes", "/account/phone/codes"])
async def test_a_code_goes_to_no_number_that_it_had(open_api: OpenApi, phone: Phone, place: str) -> None:
    await open_api.db.execute(GONE)
    await open_api.db.execute("DELETE FROM sandbox_message")
    await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    answer = await phone.post(place, {"phone": phone.number} if place.startswith("/account") else None)
    assert answer.status_code in (403, 409)
    assert await open_api.db.fetchval("SELECT count(*) FROM sandbox_message") == 0
