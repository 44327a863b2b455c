"""An account has its data given to it, and goes when it wants to: not at once, and not while anything is open."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from booking.service import book_appointment
from booking.waitlist.service import withdraw_entry
from kernel import clock
from kernel.crypto import cipher
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.ids import new_id
from notifications.kinds import samples
from notifications.telling import Occurrence, tell
from patients.agreements import AGREEMENTS_MAX, PRIVACY, agree
from patients.rights.deletions import COOLING, REQUESTS, delete_due, request_deletion, withdraw_deletion
from patients.rights.exports import KEPT, expire_exports, make_exports
from patients.rights.ports import set_holdings
from runtime.rights import build_holdings
from tests.factories import waitlist
from tests.factories.feedback import Feedback
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone

STALE = timedelta(minutes=11)


@pytest.fixture(autouse=True)
def _holdings() -> None:
    """What runtime puts together for each process."""
    set_holdings(build_holdings())


async def account_of(phone: Phone) -> UUID:
    return UUID((await phone.get("/account")).json()["id"])


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def let_sign_in_grow_old(open_api: OpenApi) -> None:
    await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - $1::interval", STALE)


async def book_ahead(open_api: OpenApi, phone: Phone, patient_id: UUID) -> UUID:
    """A visit to come, made by the account itself."""
    actor = Actor(f"account:{await account_of(phone)}", "portal", "account")
    schedule = await open_api.hospital.schedule(seats=1)
    booked = await book_appointment(slot_id=schedule.slots[0], patient_id=patient_id, actor=actor)
    return booked.id


# --- exports


async def test_a_copy_is_asked_for_made_read_and_gone_after_a_week(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    visit = await Feedback(open_api.hospital).visit(own)
    said = {"kind": "praise", "category": "nursing", "text": "护士很细心"}
    assert (await phone.post(f"/members/{own}/feedback", said)).status_code == 201
    asked = [(await phone.post("/account/exports")).json() for _ in range(2)]
    assert asked[0] == asked[1]
    path = f"/account/exports/{asked[0]['id']}/file"
    assert refusal(await phone.get(path)) == (404, "patients.export_not_found")
    assert [await make_exports() for _ in range(2)] == [1, 0]
    sealed = await open_api.db.fetchval("SELECT content_cipher FROM account_export")
    assert str(visit.id).encode() not in sealed
    copy = (await phone.get(path)).json()
    counts = {line["part"]: line["count"] for line in copy["index"]}
    assert {name: counts[name] for name in ("account", "members", "appointments", "feedback", "orders")} == {
        "account": 1,
        "members": 1,
        "appointments": 1,
        "feedback": 1,
        "orders": 0,
    }
    assert copy["data"]["account"][0]["phone"] == phone.number
    assert copy["data"]["feedback"][0]["text"] == "护士很细心"
    assert copy["data"]["appointments"][0]["id"] == str(visit.id)
    assert all(line["is_complete"] for line in copy["index"])
    with clock.frozen(clock.now() + KEPT + timedelta(minutes=1)):
        assert [await expire_exports() for _ in range(2)] == [1, 0]
    assert refusal(await phone.get(path)) == (404, "patients.export_not_found")
    assert [one["status"] for one in (await phone.get("/account/exports")).json()["items"]] == ["expired"]
    told = await open_api.db.fetch("SELECT action FROM account_right_event ORDER BY id")
    assert [row["action"] for row in told] == [
        "export_requested",
        "export_made",
        "export_downloaded",
        "export_expired",
    ]


async def test_a_copy_holds_nothing_of_anybody_else(open_api: OpenApi, phone: Phone) -> None:
    own, stranger = await phone.add_member(), await Phone.signed_in(open_api.http)
    theirs = await stranger.add_member()
    for person in (own, theirs):
        await Feedback(open_api.hospital).visit(person)
    made = (await phone.post("/account/exports")).json()
    await make_exports()
    answer = await phone.get(f"/account/exports/{made['id']}/file")
    assert str(own) in answer.text
    assert str(theirs) not in answer.text
    assert refusal(await stranger.get(f"/account/exports/{made['id']}/file")) == (404, "patients.export_not_found")
    assert refusal(await phone.get(f"/account/exports/{new_id()}/file")) == (404, "patients.export_not_found")


async def test_a_copy_and_a_deletion_want_a_fresh_sign_in(open_api: OpenApi, phone: Phone) -> None:
    made = (await phone.post("/account/exports")).json()
    await make_exports()
    await let_sign_in_grow_old(open_api)
    before = await open_api.fingerprint()
    for answer in (
        await phone.post("/account/exports"),
        await phone.get(f"/account/exports/{made['id']}/file"),
        await phone.post("/account/deletion"),
    ):
        assert refusal(answer) == (403, "sign_in.step_up_needed")
    assert await open_api.fingerprint() == before


async def test_a_copy_goes_with_whoever_is_in_it_and_let_go(open_api: OpenApi, phone: Phone) -> None:
    await phone.add_member()
    child = await phone.add_member("child", born=date(2015, 3, 2))
    made = (await phone.post("/account/exports")).json()
    assert await make_exports() == 1
    path = f"/account/exports/{made['id']}/file"
    assert str(child) in (await phone.get(path)).text
    assert (await phone.send("DELETE", f"/members/{child}")).status_code == 204
    assert refusal(await phone.get(path)) == (404, "patients.export_not_found")
    assert await open_api.db.fetchval("SELECT content_cipher FROM account_export") is None


async def test_asking_for_a_deletion_and_taking_it_back_ends(phone: Phone) -> None:
    account_id = await account_of(phone)
    for _ in range(REQUESTS.count_max):
        await request_deletion(account_id)
        await withdraw_deletion(account_id)
    assert refusal(await phone.post("/account/deletion")) == (429, "sign_in.too_many_attempts")


async def test_agreements_are_kept_to_so_many(open_api: OpenApi, phone: Phone) -> None:
    account_id = await account_of(phone)
    for number in range(AGREEMENTS_MAX + 5):
        await agree(account_id, PRIVACY, f"v{number}")
    assert await open_api.db.fetchval("SELECT count(*) FROM patient_account_agreement") == AGREEMENTS_MAX


async def test_an_account_has_two_copies_made_a_day(phone: Phone) -> None:
    for _ in range(2):
        assert (await phone.post("/account/exports")).status_code == 201
        await make_exports()
    full = await phone.post("/account/exports")
    assert refusal(full) == (429, "patients.too_many_exports")
    assert int(full.headers["retry-after"]) > 0


# --- deletion


async def test_a_deletion_waits_can_be_taken_back_and_erases_what_is_the_accounts(
    open_api: OpenApi, phone: Phone
) -> None:
    feedback, own = Feedback(open_api.hospital), await phone.add_member()
    account_id, visit = await account_of(phone), await feedback.visit(own)
    rated = {"questionnaire_version": 1, "marks": {"overall": 4}, "comment": "我叫陈大文"}
    assert (await phone.send("PUT", f"/members/{own}/appointments/{visit.id}/rating", rated)).status_code == 200
    asked = [(await phone.post("/account/deletion")).json() for _ in range(2)]
    assert asked[0] == asked[1]
    assert (asked[0]["cooling_days"], asked[0]["obstacles"]) == (15, [])
    assert (await phone.send("DELETE", "/account/deletion")).status_code == 204
    assert refusal(await phone.send("DELETE", "/account/deletion")) == (404, "patients.deletion_not_found")
    assert (await phone.get("/account/deletion")).json()["deletion"] is None
    with clock.frozen(clock.now() + COOLING):
        assert await delete_due() == 0
    assert (await phone.post("/account/deletion")).status_code == 200
    assert await delete_due() == 0
    with clock.frozen(clock.now() + COOLING):
        assert [await delete_due() for _ in range(2)] == [1, 0]
    assert refusal(await phone.get("/account")) == (401, "sign_in.not_signed_in")
    # Its number is nowhere any more, and free for a new account.
    hashed = cipher().lookup_hash(phone.number)
    assert await open_api.db.fetchval("SELECT count(*) FROM patient_account WHERE phone_hash = $1", hashed) == 0
    row = await open_api.db.fetchrow("SELECT status, phone_cipher FROM patient_account WHERE id = $1", account_id)
    assert row is not None
    assert (row["status"], cipher().open(row["phone_cipher"])) == ("closed", "")
    # The record stays: the visit and its marks, without what was written.
    kept = await open_api.db.fetchrow("SELECT marks, comment_cipher FROM satisfaction_rating")
    assert kept is not None
    assert (kept["marks"], kept["comment_cipher"]) == ({"overall": 4}, None)
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment WHERE id = $1", visit.id) == 1


async def test_an_account_does_not_go_while_a_visit_is_to_come(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    await open_api.db.execute(
        "INSERT INTO patient_access (client_id, patient_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        f"account:{await account_of(phone)}",
        own,
    )
    coming = await book_ahead(open_api, phone, own)
    refused = await phone.post("/account/deletion")
    assert refusal(refused) == (409, "patients.account_in_use")
    obstacles = [{"kind": "appointment", "id": str(coming), "patient_id": str(own)}]
    assert refused.json()["obstacles"] == obstacles
    assert (await phone.get("/account/deletion")).json()["obstacles"] == obstacles
    assert await open_api.db.fetchval("SELECT count(*) FROM account_deletion") == 0


async def test_an_account_does_not_go_while_it_waits_for_a_number(open_api: OpenApi, phone: Phone) -> None:
    own, account_id = await phone.add_member(), await account_of(phone)
    schedule = await open_api.hospital.schedule(seats=1)
    await waitlist.sell_out(open_api.hospital, schedule)
    portal = await waitlist.join((await open_api.hospital.patients(1))[0], schedule)
    entry = await waitlist.join(own, schedule, actor=Actor(f"account:{account_id}", "portal", "account"))

    refused = await phone.post("/account/deletion")

    assert refusal(refused) == (409, "patients.account_in_use")
    obstacles = [{"kind": "waitlist_entry", "id": str(entry.id), "patient_id": str(own)}]
    assert refused.json()["obstacles"] == obstacles, "the wait of another is in nobody's way"
    assert portal.id != entry.id
    await withdraw_entry(entry_id=entry.id, actor=Actor(f"account:{account_id}", "portal", "account"))
    assert (await phone.post("/account/deletion")).status_code == 200


async def test_messages_choices_and_openids_are_given_a_copy_of_and_erased(open_api: OpenApi, phone: Phone) -> None:
    own, account_id = await phone.add_member(), await account_of(phone)
    async with open_api.db.transaction() as tx:
        facts = samples("bill.new")
        told = Occurrence(
            key="bill:1", kind="bill.new", patient_id=own, subject_kind="bill", subject_id="B1", at=clock.now(),
            facts=facts,
        )  # fmt: skip
        assert await tell(tx, [told]) == 1
    choices = {
        "groups": [{"group": "payment", "wechat": False, "sms": True}],
        "quiet_hours": {"from": "21:00", "until": "08:00"},
    }
    assert (await phone.send("PUT", "/notification-preferences", choices)).status_code == 200
    await open_api.db.execute(
        "INSERT INTO notification_subscription VALUES ($1, 'template', 2, $2)", account_id, clock.now()
    )
    await open_api.db.execute(
        "INSERT INTO wechat_identity (id, app_id, openid_hash, openid_cipher, account_id, bound_at, used_at)"
        " VALUES ($1, 'wx', 'h', $2, $3, $4, $4)",
        new_id(),
        cipher().seal("oOpenid"),
        account_id,
        clock.now(),
    )
    made = (await phone.post("/account/exports")).json()
    await make_exports()

    copy = (await phone.get(f"/account/exports/{made['id']}/file")).json()["data"]

    [message] = copy["messages"]
    assert (message["kind"], message["zh"]["title"], message["en"]["title"]) == ("bill.new", "有新的费用", "A new bill")
    assert copy["message_choices"][0] == {"kind_group": "payment", "channel": "sms", "is_wanted": True}
    assert copy["message_choices"][2] == {"quiet_from": "21:00:00", "quiet_until": "08:00:00"}
    assert copy["message_choices"][3]["count"] == 2
    assert copy["wechat"][0]["openid"] == "oOpenid"
    assert (await phone.post("/account/deletion")).status_code == 200
    with clock.frozen(clock.now() + COOLING):
        assert await delete_due() == 1
    for table in ("notification", "notification_preference", "notification_quiet_hours", "wechat_identity"):
        left = await open_api.db.fetchval(f"SELECT count(*) FROM {table} WHERE account_id = $1", account_id)
        assert left == 0, table


async def test_what_comes_in_the_way_meanwhile_puts_a_deletion_off(open_api: OpenApi, phone: Phone) -> None:
    own, account_id = await phone.add_member(), await account_of(phone)
    await phone.post("/account/deletion")
    visit = await Feedback(open_api.hospital).visit(own, status="booked")
    await open_api.db.execute(
        "UPDATE appointment SET client_id = $1, starts_at = $3 WHERE id = $2",
        f"account:{account_id}",
        visit.id,
        clock.now() + COOLING + timedelta(hours=12),
    )
    due = clock.now() + COOLING
    with clock.frozen(due):
        assert [await delete_due() for _ in range(2)] == [1, 0]
    assert (await phone.get("/account")).status_code == 200
    with clock.frozen(due + timedelta(days=1)):
        assert await delete_due() == 1
    assert (await phone.get("/account")).status_code == 401


@pytest.mark.race
async def test_many_phones_ask_for_one_deletion_and_it_is_done_or_taken_back(open_api: OpenApi, phone: Phone) -> None:
    account_id = await account_of(phone)
    asked = await asyncio.gather(*(request_deletion(account_id) for _ in range(8)))
    assert len({one.due_at for one in asked}) == 1
    assert await open_api.db.fetchval("SELECT count(*) FROM account_deletion") == 1

    async def outcome(work: Any) -> Any:
        try:
            return await work
        except HospitalError as error:
            return error.code

    with clock.frozen(clock.now() + COOLING):
        found = await asyncio.gather(
            *(outcome(delete_due()) for _ in range(4)), *(outcome(withdraw_deletion(account_id)) for _ in range(4))
        )
    done, taken_back = found.count(1), found.count(None)
    assert done + taken_back == 1
    status = await open_api.db.fetchval("SELECT status FROM account_deletion")
    assert status == ("done" if done else "withdrawn")
    actions = Counter(row["action"] for row in await open_api.db.fetch("SELECT action FROM account_right_event"))
    assert actions["deletion_done"] + actions["deletion_withdrawn"] == 1
