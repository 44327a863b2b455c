"""Changing the number of one's account: who may, to which number, and what ends with it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from kernel import clock
from kernel.crypto import cipher
from oauth.sign_in.sandbox_messages import read_messages
from patients.heralds import set_herald
from patients.rights import deletions
from patients.rights.ports import set_holdings
from runtime.messages import AccountHerald
from runtime.rights import build_holdings
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import PRIVACY, Phone, newest_code
from tests.factories.sign_in import new_phone

CHANGE = "/account/phone"
NOT_PHONES = ["", "1380000000", "138000000000", "+1 2025550123", "１３８００００００００", "138\n0000000a", "1" * 500]


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    set_herald(AccountHerald())
    yield
    set_herald(None)


async def again(api: OpenApi) -> None:
    """As if the minute between two messages to one number were over."""
    await api.db.execute("DELETE FROM sign_in_throttle WHERE ends_at < $1", clock.now() + timedelta(hours=2))


async def second_device(api: OpenApi, phone: Phone) -> Phone:
    await again(api)
    return await Phone.signed_in(api.http, number=phone.number)


async def account_of(phone: Phone) -> UUID:
    return UUID((await phone.get("/account")).json()["id"])


async def number_of(api: OpenApi, account_id: UUID) -> str | None:
    sealed = await api.db.fetchval("SELECT phone_cipher FROM patient_account WHERE id = $1", account_id)
    return cipher().open(sealed) if sealed else None


async def owner_of(api: OpenApi, number: str) -> UUID | None:
    found: UUID | None = await api.db.fetchval(
        "SELECT id FROM patient_account WHERE phone_hash = $1 AND status = 'active'", cipher().lookup_hash(number)
    )
    return found


async def events(api: OpenApi, account_id: UUID) -> Counter[str]:
    rows = await api.db.fetch("SELECT kind FROM sign_in_event WHERE subject_id = $1", account_id)
    return Counter(row["kind"] for row in rows)


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def prepared(phone: Phone, number: str) -> dict[str, str]:
    asked, code = await phone.ask_change_code(number)
    return {"challenge": asked["challenge"], "code": code}


async def test_the_account_has_another_number_and_every_other_device_is_signed_out(
    open_api: OpenApi, phone: Phone
) -> None:
    own, former, new = await phone.add_member(), phone.number, new_phone()
    account_id = await account_of(phone)
    other = await second_device(open_api, phone)
    answer = await phone.change_number(new)
    assert (answer.status_code, answer.json()) == (200, {"phone": f"{new[:3]}****{new[-4:]}", "ended": 1})
    assert (await other.get("/account")).status_code == 401
    assert (await other.refresh()).status_code == 401
    account = (await phone.get("/account")).json()
    assert (account["phone"], account["member_count"], account["session_count"]) == (f"{new[:3]}****{new[-4:]}", 1, 1)
    assert (await events(open_api, account_id))["phone_changed"] == 1
    [told] = (await phone.get("/messages")).json()["items"]
    assert (told["kind"], told["patient_id"]) == ("account.phone_changed", str(own))
    assert told["subject"] == {"kind": "account", "id": str(account_id)}
    [warning, *_] = await read_messages(former)
    assert "手机号已更换" in warning.text
    assert new not in warning.text
    assert (await events(open_api, account_id))["old_phone_warned"] == 1
    # The new number opens the account; the former one a new account.
    await again(open_api)
    assert await account_of(await Phone.signed_in(open_api.http, number=new)) == account_id
    stranger = await Phone.signed_in(open_api.http, number=former)
    assert await account_of(stranger) != account_id
    assert (await stranger.get("/account")).json()["member_count"] == 0


async def test_a_phone_that_lies_open_changes_nothing(open_api: OpenApi, phone: Phone) -> None:
    body = await prepared(phone, new_phone())
    await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    before = await open_api.fingerprint()
    for answer in (
        await phone.post("/account/phone/codes", {"phone": new_phone()}),
        await phone.send("PUT", CHANGE, body),
        await phone.send("PUT", "/account/phone/wechat", {"phone_code": "a-code"}),
    ):
        assert said(answer) == (403, "sign_in.step_up_needed")
    assert await open_api.fingerprint() == before
    await again(open_api)
    asked, code = await phone.ask_code("/session/phone-codes")
    confirmed = await phone.post("/session/confirmations", {"challenge": asked["challenge"], "code": code})
    assert confirmed.status_code == 204
    assert (await phone.send("PUT", CHANGE, body)).status_code == 200


async def test_a_code_for_the_change_is_good_for_this_accounts_change_alone(open_api: OpenApi, phone: Phone) -> None:
    account_id, new, former = await account_of(phone), new_phone(), phone.number
    stranger = await Phone.signed_in(open_api.http)
    body = await prepared(phone, new)
    assert said(await stranger.send("PUT", CHANGE, body)) == (403, "sign_in.refused")
    entering = body | {"transport": "body", "privacy_version": PRIVACY}
    assert said(await Phone(open_api.http).post("/sessions", entering)) == (403, "sign_in.refused")
    assert said(await phone.post("/session/confirmations", body)) == (403, "sign_in.refused")
    await again(open_api)
    asked, code = await Phone(open_api.http, new).ask_code()
    to_sign_in = {"challenge": asked["challenge"], "code": code}
    assert said(await phone.send("PUT", CHANGE, to_sign_in)) == (403, "sign_in.refused")
    assert await number_of(open_api, account_id) == former
    assert (await phone.send("PUT", CHANGE, body)).status_code == 200
    assert said(await phone.send("PUT", CHANGE, body)) == (403, "sign_in.refused")


async def test_a_number_in_use_is_refused_and_nobody_is_told_whose_it_is(open_api: OpenApi, phone: Phone) -> None:
    await phone.add_member()
    other = await Phone.signed_in(open_api.http)
    await other.add_member(name="李四")
    account_id, theirs, former = await account_of(phone), await account_of(other), phone.number
    await again(open_api)
    # Before the number is proved nobody hears that it has an account.
    body = await prepared(phone, other.number)
    answer = await phone.send("PUT", CHANGE, body)
    assert said(answer) == (409, "patients.phone_in_use")
    assert "李" not in answer.text
    assert str(theirs) not in answer.text
    assert (await number_of(open_api, account_id), await owner_of(open_api, other.number)) == (former, theirs)
    assert (await other.get("/account")).status_code == 200
    assert "phone_changed" not in await events(open_api, account_id)


async def test_the_same_number_is_no_change(open_api: OpenApi, phone: Phone) -> None:
    await again(open_api)
    assert said(await phone.change_number(phone.number)) == (409, "patients.phone_unchanged")


async def test_an_account_that_was_never_more_than_the_new_number_makes_room(open_api: OpenApi, phone: Phone) -> None:
    tried = await Phone.signed_in(open_api.http)
    empty = await account_of(tried)
    await again(open_api)
    assert (await phone.change_number(tried.number)).status_code == 200
    assert await open_api.db.fetchval("SELECT status FROM patient_account WHERE id = $1", empty) == "closed"
    assert (await tried.get("/account")).status_code == 401
    assert await owner_of(open_api, tried.number) == await account_of(phone)


async def test_an_account_without_people_that_is_used_at_our_pages_stays(open_api: OpenApi, phone: Phone) -> None:
    developer = await Phone.signed_in(open_api.http)
    await open_api.db.execute("UPDATE sign_in_session SET transport = 'page' WHERE id = $1", UUID(developer.session_id))
    await again(open_api)
    assert said(await phone.change_number(developer.number)) == (409, "patients.phone_in_use")


async def test_an_account_that_once_had_people_stays(open_api: OpenApi, phone: Phone) -> None:
    other = await Phone.signed_in(open_api.http)
    assert (await other.send("DELETE", f"/members/{await other.add_member()}")).status_code == 204
    await again(open_api)
    assert said(await phone.change_number(other.number)) == (409, "patients.phone_in_use")


async def test_an_account_long_unused_makes_room_as_for_signing_in(open_api: OpenApi, phone: Phone) -> None:
    other = await Phone.signed_in(open_api.http)
    await other.add_member(name="李四")
    theirs = await account_of(other)
    await open_api.db.execute(
        "UPDATE sign_in_session SET seen_at = seen_at - interval '91 days' WHERE subject_id = $1", theirs
    )
    await again(open_api)
    assert (await phone.change_number(other.number)).status_code == 200
    assert await open_api.db.fetchval("SELECT status FROM patient_account WHERE id = $1", theirs) == "closed"
    assert (await phone.get("/account")).json()["member_count"] == 0


@pytest.mark.parametrize("number", NOT_PHONES)
async def test_what_is_no_number_is_refused_before_anything_is_sent(
    open_api: OpenApi, phone: Phone, number: str
) -> None:
    answer = await phone.post("/account/phone/codes", {"phone": number})
    assert answer.status_code in (400, 422), answer.text
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_phone_code WHERE used_at IS NULL") == 0


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (CHANGE, {"code": "12345"}),
        (CHANGE, {"code": "１２３４５６"}),
        (CHANGE, {"challenge": "x" * 80}),
        (CHANGE, {"account_id": "0198c0de-0000-7000-8000-00000000c0de"}),
        (CHANGE, {"phone": "13800000001"}),
        ("/account/phone/wechat", {"phone_code": ""}),
        ("/account/phone/wechat", {"phone_code": "x" * 129}),
    ],
)
async def test_forged_requests_change_nothing(
    open_api: OpenApi, phone: Phone, path: str, change: dict[str, Any]
) -> None:
    account_id, former = await account_of(phone), phone.number
    good = await prepared(phone, new_phone()) if path == CHANGE else {"phone_code": "a-code"}
    assert (await phone.send("PUT", path, good | change)).status_code in (400, 403, 422)
    assert await number_of(open_api, account_id) == former


async def test_a_code_bears_five_wrong_guesses(open_api: OpenApi, phone: Phone) -> None:
    body = await prepared(phone, new_phone())
    wrong = body | {"code": f"{(int(body['code']) + 1) % 10**6:06d}"}
    for _ in range(5):
        assert (await phone.send("PUT", CHANGE, wrong)).status_code == 403
    assert (await phone.send("PUT", CHANGE, body)).status_code in (403, 429)
    assert await number_of(open_api, await account_of(phone)) == phone.number


async def test_nobody_has_codes_sent_to_a_list_of_numbers(open_api: OpenApi, phone: Phone) -> None:
    answers = [await phone.post("/account/phone/codes", {"phone": new_phone()}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]


async def test_a_number_is_changed_so_often_a_day(open_api: OpenApi, phone: Phone) -> None:
    answers = [await phone.change_number(new_phone()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


async def test_of_devices_that_change_it_at_once_one_does_and_the_others_are_out(
    open_api: OpenApi, phone: Phone
) -> None:
    devices = [phone, *[await second_device(open_api, phone) for _ in range(3)]]
    account_id, former = await account_of(phone), phone.number
    wanted = [new_phone() for _ in devices]
    bodies = [await prepared(device, number) for device, number in zip(devices, wanted, strict=True)]
    answers = await asyncio.gather(
        *(device.send("PUT", CHANGE, body) for device, body in zip(devices, bodies, strict=True))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 3}
    [won] = [number for number, answer in zip(wanted, answers, strict=True) if answer.status_code == 200]
    assert await number_of(open_api, account_id) == won
    assert (await events(open_api, account_id))["phone_changed"] == 1
    assert await owner_of(open_api, former) is None


async def test_of_accounts_that_want_one_number_at_once_one_gets_it(open_api: OpenApi, phone: Phone) -> None:
    phones = [phone, *[await Phone.signed_in(open_api.http) for _ in range(3)]]
    number, bodies = new_phone(), []
    for one in phones:
        await one.add_member()
        await again(open_api)
        bodies.append(await prepared(one, number))
    answers = await asyncio.gather(*(one.send("PUT", CHANGE, body) for one, body in zip(phones, bodies, strict=True)))
    assert Counter(said(answer) for answer in answers) == {(200, ""): 1, (409, "patients.phone_in_use"): 3}
    [won] = [one for one, answer in zip(phones, answers, strict=True) if answer.status_code == 200]
    assert await owner_of(open_api, number) == await account_of(won)


async def test_two_who_want_each_others_number_do_not_wait_for_each_other(open_api: OpenApi, phone: Phone) -> None:
    other = await Phone.signed_in(open_api.http)
    for one in (phone, other):
        await one.add_member()
    await again(open_api)
    bodies = [await prepared(phone, other.number), await prepared(other, phone.number)]
    answers = await asyncio.gather(phone.send("PUT", CHANGE, bodies[0]), other.send("PUT", CHANGE, bodies[1]))
    assert {said(answer) for answer in answers} == {(409, "patients.phone_in_use")}
    assert await owner_of(open_api, phone.number) == await account_of(phone)


async def test_who_signs_in_with_the_number_at_once_is_in_its_one_account(open_api: OpenApi) -> None:
    for _ in range(4):
        phone, number = await Phone.signed_in(open_api.http), new_phone()
        await phone.add_member()
        account_id = await account_of(phone)
        body = await prepared(phone, number)
        await again(open_api)
        newcomer = Phone(open_api.http, number)
        asked, code = await newcomer.ask_code()
        entering = {"challenge": asked["challenge"], "code": code, "transport": "body", "privacy_version": PRIVACY}
        changed, entered = await asyncio.gather(phone.send("PUT", CHANGE, body), newcomer.post("/sessions", entering))
        assert changed.status_code == 200 or said(changed) == (409, "patients.phone_in_use")
        assert entered.status_code == 200, entered.text
        newcomer.keep(entered)
        owner = await owner_of(open_api, number)
        assert (owner == account_id) == (changed.status_code == 200)
        # Signed in to the one account of the number, or signed out with the empty one that it had for a moment.
        opened = await open_api.db.fetchval(
            "SELECT subject_id FROM sign_in_session WHERE id = $1", UUID(newcomer.session_id)
        )
        assert (await newcomer.get("/account")).status_code == (200 if opened == owner else 401)


async def test_an_account_that_is_deleted_at_once_is_deleted(open_api: OpenApi, phone: Phone) -> None:
    set_holdings(build_holdings())
    number = new_phone()
    body, account_id = await prepared(phone, number), await account_of(phone)
    await deletions.request_deletion(account_id)
    await open_api.db.execute("UPDATE account_deletion SET due_at = now()")
    changed, done = await asyncio.gather(phone.send("PUT", CHANGE, body), deletions.delete_due())
    assert done == 1
    assert changed.status_code in (200, 401, 404)
    assert await number_of(open_api, account_id) == ""
    assert (await owner_of(open_api, number), await owner_of(open_api, phone.number)) == (None, None)


async def test_the_code_says_what_it_is_for_in_the_readers_language(open_api: OpenApi) -> None:
    phone, number = await Phone.signed_in(open_api.http, language="en"), new_phone()
    assert (await phone.change_number(number)).status_code == 200
    [message] = await read_messages(number)
    assert message.text.startswith(f"{await newest_code(number)} moves an account to this number")
    assert "has another number" in (await read_messages(phone.number))[0].text
