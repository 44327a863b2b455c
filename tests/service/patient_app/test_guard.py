"""The guard before the patient surface: limits, languages, idempotency, and what it says of itself."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from kernel.ids import new_id
from kernel.redis import close_redis, open_redis
from oauth.sign_in.setup import SignIn
from partners.errors import RateLimited
from patient_app import limits
from patient_app.access import Access, let_in
from patient_app.cookie import cookie_name, drop_cookie
from patient_app.limits import Turnstile
from patient_app.streams import STREAMS_MAX, Streams, WatchedAccess
from patients.accounts import Accounts
from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import Phone


async def test_it_tells_its_time_whatever_it_answers(phone: Phone) -> None:
    for path in ("/account", "/members/0198c0de-0000-7000-8000-00000000c0de"):
        answer = await phone.get(path)
        told = parsedate_to_datetime(answer.headers["date"])
        assert abs((told - datetime.now(UTC)).total_seconds()) < 60


async def test_no_browser_stores_what_is_of_a_person_or_a_refusal(phone: Phone) -> None:
    own = await phone.add_member()
    seen = await phone.get(f"/members/{own}")
    again = await phone.get(f"/members/{own}", headers={"if-none-match": seen.headers["etag"]})
    absent = await phone.get("/members/0198c0de-0000-7000-8000-00000000c0de")
    nowhere = await phone.get("/doctors/0198c0de-0000-7000-8000-00000000c0de")
    assert [one.status_code for one in (seen, again, absent, nowhere)] == [200, 304, 404, 404]
    for answer in (seen, again, absent, nowhere):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    # What is nobody's may be kept, and is asked about each time.
    assert (await phone.get("/directory")).headers["cache-control"] == "private, no-cache"


async def test_two_taps_with_one_key_change_once(open_api: OpenApi, phone: Phone) -> None:
    body = registration() | {"relationship": "self"}
    answers = await asyncio.gather(*(phone.post("/members", body, key="tap") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert await open_api.db.fetchval("SELECT count(*) FROM patient_account_member") == 1
    other = await Phone.signed_in(open_api.http)
    # Another account's key of the same name is another key.
    assert (await other.post("/members", registration() | {"relationship": "self"}, key="tap")).status_code == 201


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Basic dXNlcjpwYXNz", "bearer " + "x" * 43, "Bearer " + "x" * 4000]
)
async def test_what_is_no_token_of_ours_is_nobody(phone: Phone, authorization: str) -> None:
    answer = await phone.get("/account", headers={"authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in.not_signed_in")


async def test_who_asks_may_not_before_what_is_asked_is_read(phone: Phone) -> None:
    phone.access_token = ""
    answer = await phone.post("/members", {"nothing": "of the schema"})
    assert answer.status_code == 401


async def test_a_program_that_asks_without_end_is_put_off_and_nobody_else(
    clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PERSON_REQUESTS_A_MINUTE", 5)
    open_redis(clean_redis_url)
    turnstile = Turnstile()
    program, person = new_id(), new_id()
    try:
        for _ in range(5):
            await turnstile.count_person(program)
        with pytest.raises(RateLimited) as refusal:
            await turnstile.count_person(program)
        assert refusal.value.details["policy"] == "person"
        await turnstile.count_person(person)
        await turnstile.count_address(b"an address")
    finally:
        await turnstile.close()
        await close_redis()


class Watched:
    """Something that is watched and always has something to tell."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.is_over = False
        self.is_closed = False

    async def take(self) -> tuple[int, str, object]:
        return 1, "moved", {}

    def close(self) -> None:
        self.is_closed = True


async def test_a_stream_ends_with_its_session_or_its_membership(
    open_api: OpenApi, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patient_app.streams.LOOK_AGAIN_SECONDS", 0.0)
    own = await phone.add_member()
    authorization = f"Bearer {phone.access_token}"

    async def watch(access: Access) -> WatchedAccess:
        source = WatchedAccess(Watched(), access)
        assert await source.take() == (1, "moved", {})
        return source

    for_member, for_account = (
        await watch(await let_in(authorization, own)),
        await watch(await let_in(authorization, None)),
    )
    assert (await phone.send("DELETE", f"/members/{own}")).status_code == 204
    assert await for_member.take() is None
    assert for_member.is_over
    assert for_member.changed.is_set()
    assert await for_account.take() is not None
    assert (await phone.send("DELETE", "/session")).status_code == 204
    assert await for_account.take() is None


async def test_one_account_has_so_many_streams_and_the_oldest_makes_room(phone: Phone) -> None:
    access = await let_in(f"Bearer {phone.access_token}", None)
    streams, account_id, other = Streams(), access.session.subject.id, new_id()
    opened = [WatchedAccess(Watched(), access) for _ in range(STREAMS_MAX + 1)]
    elsewhere = WatchedAccess(Watched(), access)
    streams.enter(other, elsewhere)
    for source in opened:
        streams.enter(account_id, source)
    assert [source.is_over for source in opened] == [True] + [False] * STREAMS_MAX
    assert opened[0].changed.is_set()
    assert await opened[0].take() is None
    streams.leave(account_id, opened[0])
    streams.leave(account_id, opened[1])
    streams.enter(account_id, WatchedAccess(Watched(), access))
    assert not any(source.is_over for source in [*opened[1:], elsewhere])


def test_over_https_the_cookie_goes_over_https_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    over_https = SignIn("https://hospital.example", Accounts(), None, sandbox=False)
    monkeypatch.setattr("oauth.sign_in.setup._sign_in", over_https)
    name = "__Secure-app-refresh"
    attributes = "Path=/app/v1/sessions/refresh; HttpOnly; SameSite=Strict; Secure; Max-Age=0"
    assert cookie_name() == name
    assert drop_cookie() == {"set-cookie": f"{name}=; {attributes}"}
