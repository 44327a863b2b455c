"""A number that was proved long ago and has a new owner by now: what they are asked, and what they get."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from kernel import clock
from kernel.crypto import cipher
from kernel.ids import new_id
from patients.heralds import set_herald
from runtime.messages import AccountHerald
from runtime.migrate import FOLDER
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.sign_in import Visitor, new_phone

ANSWERS = "/sessions/answers"


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    set_herald(AccountHerald())
    yield
    set_herald(None)


async def endings(api: OpenApi) -> list[str]:
    """How the documents end, of those who were added first."""
    rows = await api.db.fetch(
        "SELECT p.document_cipher FROM patient_account_member m JOIN patient p"
        " ON p.id = m.patient_id ORDER BY m.bound_at"
    )
    return [cipher().open(row["document_cipher"])[-4:] for row in rows]


async def wrong(api: OpenApi) -> str:
    known = await endings(api)
    return next(f"{n:04d}" for n in range(10_000) if f"{n:04d}" not in known)


async def account_of(phone: Phone) -> UUID:
    return UUID((await phone.get("/account")).json()["id"])


async def kinds(api: OpenApi, account_id: UUID) -> Counter[str]:
    rows = await api.db.fetch("SELECT kind FROM sign_in_event WHERE subject_id = $1", account_id)
    return Counter(row["kind"] for row in rows)


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def family(phone: Phone) -> UUID:
    await phone.add_member()
    await phone.add_member("parent", sex=2, born=date(1954, 3, 1), name="李秀英")
    return await account_of(phone)


async def test_a_grandmother_with_a_new_phone_names_a_document_and_is_in(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    renewed = Phone(open_api.http, phone.number)
    question = await renewed.asked_about_holder(open_api.db)
    assert renewed.tries_left == 5
    # Any of the family's, in small letters too.
    answer = await renewed.post(ANSWERS, question | {"ending": (await endings(open_api))[1].lower()})
    assert answer.status_code == 200, answer.text
    renewed.keep(answer)
    assert await account_of(renewed) == account_id
    assert (await phone.get("/account")).status_code == 200
    events = await kinds(open_api, account_id)
    assert (events["holder_asked"], events["holder_known"]) == (1, 1)
    # Now that it is proved nobody is asked for the next ninety days.
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    assert await account_of(await Phone.signed_in(open_api.http, number=phone.number)) == account_id


async def test_a_number_proved_within_ninety_days_is_not_asked_about(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    await open_api.db.execute("UPDATE patient_account SET phone_proved_at = $1", clock.now() - timedelta(days=89))
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    assert await account_of(await Phone.signed_in(open_api.http, number=phone.number)) == account_id


async def test_since_its_opening_counts_where_a_number_was_not_proved_again(open_api: OpenApi, phone: Phone) -> None:
    await family(phone)
    await open_api.db.execute(
        "UPDATE patient_account SET phone_proved_at = NULL, created_at = $1", clock.now() - timedelta(days=91)
    )
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    asked, code = await phone.ask_code()
    told = {"transport": "body", "privacy_version": "2026-11"}
    answer = await phone.post("/sessions", told | {"challenge": asked["challenge"], "code": code})
    assert said(answer) == (409, "sign_in.holder_unsure")


async def test_who_is_signed_in_proves_the_number_without_a_question(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    long_ago = clock.now() - timedelta(days=91)
    await open_api.db.execute("UPDATE patient_account SET phone_proved_at = $1", long_ago)
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    asked, code = await phone.ask_code("/session/phone-codes")
    body = {"challenge": asked["challenge"], "code": code}
    assert (await phone.post("/session/confirmations", body)).status_code == 204
    proved = await open_api.db.fetchval("SELECT phone_proved_at FROM patient_account WHERE id = $1", account_id)
    assert clock.now() - proved < timedelta(hours=1)


async def test_the_numbers_next_owner_gets_an_account_of_their_own(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    owner = Phone(open_api.http, phone.number)
    question = await owner.asked_about_holder(open_api.db)
    answer = await owner.post(ANSWERS, question | {"ending": None})
    assert answer.status_code == 200, answer.text
    owner.keep(answer)
    assert await account_of(owner) != account_id
    assert (await owner.get("/account")).json()["member_count"] == 0
    # The former owner goes on, without a number, is told, and can give another.
    account = (await phone.get("/account")).json()
    assert (account["id"], account["phone"], account["member_count"]) == (str(account_id), None, 2)
    [told] = (await phone.get("/messages")).json()["items"]
    assert told["kind"] == "account.phone_released"
    assert (await kinds(open_api, account_id))["phone_released"] == 1
    assert said(await phone.post("/session/phone-codes")) == (409, "patients.phone_missing")
    assert (await phone.get("/account/exports")).status_code == 200
    new = new_phone()
    assert (await phone.change_number(new)).status_code == 200
    assert (await phone.get("/account")).json()["phone"] == f"{new[:3]}****{new[-4:]}"


async def test_five_wrong_answers_in_thirty_days_shut_the_account_and_not_the_number(
    open_api: OpenApi, phone: Phone
) -> None:
    account_id = await family(phone)
    guesser, guess = Phone(open_api.http, phone.number), await wrong(open_api)
    question = await guesser.asked_about_holder(open_api.db)
    for left in (4, 3, 2, 1, 0):
        answer = await guesser.post(ANSWERS, question | {"ending": guess})
        assert (*said(answer), answer.json()["tries_left"]) == (403, "sign_in.holder_not_known", left)
    right = (await endings(open_api))[0]
    assert (await guesser.post(ANSWERS, question | {"ending": right})).json()["tries_left"] == 0
    # Another code brings another question, and no other try.
    question = await guesser.asked_about_holder(open_api.db)
    assert guesser.tries_left == 0
    assert said(await guesser.post(ANSWERS, question | {"ending": right})) == (403, "sign_in.holder_not_known")
    assert (await kinds(open_api, account_id))["holder_refused"] == 5
    assert (await phone.get("/account")).json()["session_count"] == 1
    anew = await guesser.post(ANSWERS, question | {"ending": None})
    guesser.keep(anew)
    assert await account_of(guesser) != account_id


async def test_of_many_guesses_at_once_no_more_are_looked_at(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    guesser, guess = Phone(open_api.http, phone.number), await wrong(open_api)
    question = await guesser.asked_about_holder(open_api.db)
    found = await asyncio.gather(*(guesser.post(ANSWERS, question | {"ending": guess}) for _ in range(12)))
    assert {said(one) for one in found} == {(403, "sign_in.holder_not_known")}
    assert (await kinds(open_api, account_id))["holder_refused"] == 5


async def test_of_many_answers_to_one_question_one_gets_in(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    renewed = Phone(open_api.http, phone.number)
    question = await renewed.asked_about_holder(open_api.db)
    right = (await endings(open_api))[0]
    found = await asyncio.gather(
        *(renewed.post(ANSWERS, question | {"ending": ending}) for ending in (right, None, right, None))
    )
    assert Counter(one.status_code for one in found) == {200: 1, 403: 3}
    sessions = await open_api.db.fetchval("SELECT count(*) FROM sign_in_session")
    assert sessions == 2
    accounts = await open_api.db.fetchval("SELECT count(*) FROM patient_account WHERE phone_hash IS NOT NULL")
    assert accounts == 1
    assert (await phone.get("/account")).json()["id"] == str(account_id)


async def test_an_account_without_people_has_nothing_to_ask_about(open_api: OpenApi, phone: Phone) -> None:
    owner = Phone(open_api.http, phone.number)
    await owner.asked_about_holder(open_api.db)
    assert owner.tries_left == 0


async def test_a_question_ends_and_is_forgotten(open_api: OpenApi, phone: Phone) -> None:
    await family(phone)
    owner = Phone(open_api.http, phone.number)
    question = await owner.asked_about_holder(open_api.db)
    await open_api.db.execute("UPDATE sign_in_question SET expires_at = $1", clock.now() - timedelta(seconds=1))
    for ending in ((await endings(open_api))[0], None):
        assert said(await owner.post(ANSWERS, question | {"ending": ending})) == (403, "sign_in.refused")
    assert (await phone.get("/account")).json()["phone"] is not None


@pytest.mark.parametrize(
    "change",
    [
        {"ending": ""},
        {"ending": "%%%%"},
        {"ending": "123"},
        {"ending": "12345"},
        {"ending": "１２３４"},
        {"question": "x" * 42},
        {"question": "x" * 43},
        {"account_id": str(new_id())},
    ],
)
async def test_forged_answers_open_nothing(open_api: OpenApi, phone: Phone, change: dict[str, Any]) -> None:
    await family(phone)
    owner = Phone(open_api.http, phone.number)
    question = await owner.asked_about_holder(open_api.db)
    answer = await owner.post(ANSWERS, question | {"ending": await wrong(open_api)} | change)
    assert answer.status_code in (400, 403, 422)
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_session") == 1


async def test_a_number_that_has_gone_elsewhere_meanwhile_opens_nothing(open_api: OpenApi, phone: Phone) -> None:
    await family(phone)
    renewed = Phone(open_api.http, phone.number)
    question = await renewed.asked_about_holder(open_api.db)
    assert (await phone.change_number(new_phone())).status_code == 200
    right = (await endings(open_api))[0]
    assert said(await renewed.post(ANSWERS, question | {"ending": right})) == (403, "sign_in.refused")
    # Beginning anew takes nothing from an account that has another number by now.
    renewed.keep(await renewed.post(ANSWERS, question | {"ending": None}))
    assert (await phone.get("/account")).json()["phone"] is not None


async def test_our_own_pages_open_no_account_of_such_a_number(open_api: OpenApi, phone: Phone) -> None:
    account_id = await family(phone)
    await open_api.db.execute("UPDATE patient_account SET phone_proved_at = $1", clock.now() - timedelta(days=91))
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    async with Visitor(open_api.server.base_url) as visitor:
        code = await visitor.ask_for_code(phone.number)
        answer = await visitor.post("/sign-in/code", code=code)
        assert answer.status_code == 409
        assert "回答一个问题" in answer.text
        assert visitor.session is None
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_session WHERE subject_id = $1", account_id) == 1


async def test_a_refusal_tells_nothing_of_the_family(open_api: OpenApi, phone: Phone) -> None:
    await family(phone)
    owner = Phone(open_api.http, phone.number)
    question = await owner.asked_about_holder(open_api.db)
    answer = await owner.post(ANSWERS, question | {"ending": await wrong(open_api)})
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "request_id", "tries_left"}
    assert not any(ending in answer.text for ending in await endings(open_api))


async def test_what_was_proved_before_anybody_noted_it_counts(open_api: OpenApi, phone: Phone) -> None:
    account_id = await account_of(phone)
    await open_api.db.execute(
        "UPDATE patient_account SET phone_proved_at = NULL, created_at = created_at - interval '200 days'"
    )
    await open_api.db.execute((FOLDER / "0512_numbers_proved.sql").read_text(encoding="utf-8"))
    proved = await open_api.db.fetchval("SELECT phone_proved_at FROM patient_account WHERE id = $1", account_id)
    assert proved == await open_api.db.fetchval("SELECT at FROM sign_in_event WHERE kind = 'signed_in'")
