"""Signing in with a code by text message at the real server, honestly and not."""

import asyncio
import re

import pytest

from kernel.db import Database
from tests.factories.open_api import OpenApi
from tests.factories.sign_in import Visitor, new_phone, sent_id
from tests.server import WebServer


async def count(database: Database, table: str, where: str = "true") -> int:
    found: int = await database.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
    return found


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_a_new_number_signs_in_and_gets_an_account(visitor: Visitor, database: Database) -> None:
    phone = new_phone()
    answer = await visitor.sign_in(f" {phone[:3]} {phone[3:7]}-{phone[7:]}".strip())

    assert answer.url.path == "/account/sessions"
    assert "本机" in answer.text
    row = await database.fetchrow("SELECT * FROM sign_in_session")
    assert row is not None
    assert (row["subject_kind"], row["methods"], row["acr"]) == ("account", ["sms"], "aal1")
    assert await database.fetchval("SELECT id FROM patient_account") == row["subject_id"]
    kinds = [r["kind"] for r in await database.fetch("SELECT kind FROM sign_in_event ORDER BY id")]
    assert kinds == ["code_sent", "signed_in"]
    # The brackets of a Chinese text message name its sender; the gateway writes them.
    [message] = await visitor.messages(phone)
    assert "验证码" in message["text"]
    assert "【" not in message["text"]


async def test_the_same_number_has_one_account(web_server: WebServer, visitor: Visitor, database: Database) -> None:
    phone = new_phone()
    await visitor.sign_in(phone)
    await database.execute("DELETE FROM sign_in_throttle")
    async with Visitor(web_server.base_url) as other:
        await other.sign_in(f"+86{phone}")
    assert await count(database, "patient_account") == 1
    assert await count(database, "sign_in_session", "ended_at IS NULL") == 2


async def test_nothing_kept_or_logged_holds_the_code_the_number_or_the_cookie(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    phone = new_phone()
    code = await visitor.ask_for_code(phone)
    await visitor.post("/sign-in/code", code=code)
    assert visitor.session
    for table in ("sign_in_phone_code", "sign_in_session", "sign_in_event", "sandbox_message", "patient_account"):
        kept = "\n".join(str(dict(row)) for row in await database.fetch(f"SELECT * FROM {table}"))
        assert phone not in kept
        assert not re.search(rf"(?<![0-9a-f]){code}(?![0-9a-f])", kept)
        assert visitor.session not in kept
    assert phone not in web_server.log()
    assert visitor.session not in web_server.log()


@pytest.mark.parametrize(
    "phone", ["", "1234", "23900000000", "139000000000", "13900000000'--", "１３９００００００００"]
)
async def test_what_is_no_number_is_refused_beside_its_field(visitor: Visitor, database: Database, phone: str) -> None:
    await visitor.get("/sign-in")
    answer = await visitor.post("/sign-in", phone=phone)
    assert answer.status_code == 422
    assert "11位手机号码" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert await count(database, "sign_in_phone_code") == 0


async def test_a_wrong_code_is_counted_and_five_end_it(visitor: Visitor, database: Database) -> None:
    code = await visitor.ask_for_code(new_phone())
    for tries in (4, 3, 2, 1):
        answer = await visitor.post("/sign-in/code", code=wrong(code))
        assert answer.status_code == 403
        assert await database.fetchval("SELECT tries_left FROM sign_in_phone_code") == tries
    last = await visitor.post("/sign-in/code", code=wrong(code))
    assert "重新获取" in last.text
    assert await count(database, "sign_in_session") == 0
    assert await count(database, "sign_in_event", "kind = 'refused'") == 5


async def test_the_right_code_after_five_wrong_ones_is_worth_nothing(visitor: Visitor, database: Database) -> None:
    code = await visitor.ask_for_code(new_phone())
    form = visitor.hidden("/sign-in/code")
    for _ in range(5):
        await visitor.http.post("/sign-in/code", data=form | {"code": wrong(code)})
    await database.execute("DELETE FROM sign_in_throttle")
    answer = await visitor.http.post("/sign-in/code", data=form | {"code": code})
    assert answer.status_code == 403
    assert await count(database, "sign_in_session") == 0


async def test_guessing_is_slowed_down_over_new_codes_too(visitor: Visitor, database: Database) -> None:
    phone = new_phone()
    await visitor.ask_for_code(phone)
    for _ in range(5):
        await visitor.http.post("/sign-in/code", data=visitor.hidden("/sign-in/code") | {"code": "000000"})
    await database.execute("UPDATE sign_in_throttle SET ends_at = now() WHERE blocked_until = '-infinity'")
    code = await visitor.ask_for_code(phone)
    answer = await visitor.post("/sign-in/code", code=code)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 31
    assert await database.fetchval("SELECT max(tries_left) FROM sign_in_phone_code") == 5


async def test_one_code_used_at_once_by_many_lets_one_in(visitor: Visitor, database: Database) -> None:
    code = await visitor.ask_for_code(new_phone())
    form = visitor.hidden("/sign-in/code") | {"code": code}
    answers = await asyncio.gather(*(visitor.http.post("/sign-in/code", data=form) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403, 403]
    assert await count(database, "sign_in_session") == 1
    assert await count(database, "patient_account") == 1


async def test_a_used_code_is_worth_nothing(visitor: Visitor, database: Database) -> None:
    code = await visitor.ask_for_code(new_phone())
    form = visitor.hidden("/sign-in/code") | {"code": code}
    assert (await visitor.http.post("/sign-in/code", data=form)).status_code == 303
    await visitor.get("/sign-in")
    token = visitor.hidden("/sign-in")["form_token"]
    again = await visitor.http.post("/sign-in/code", data=form | {"form_token": token})
    assert again.status_code == 403
    assert await count(database, "sign_in_session") == 1


async def test_an_expired_code_is_worth_nothing(visitor: Visitor, database: Database) -> None:
    code = await visitor.ask_for_code(new_phone())
    await database.execute("UPDATE sign_in_phone_code SET expires_at = now()")
    answer = await visitor.post("/sign-in/code", code=code)
    assert answer.status_code == 403
    assert await count(database, "sign_in_session") == 0


async def test_a_code_works_only_in_the_browser_that_asked_for_it(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    phone = new_phone()
    code = await visitor.ask_for_code(phone)
    assert visitor.page is not None
    sent = sent_id(visitor.page)
    async with Visitor(web_server.base_url) as thief:
        await thief.get("/sign-in")
        form = {"form_token": thief.hidden("/sign-in")["form_token"], "sent": sent, "code": code}
        answer = await thief.http.post("/sign-in/code", data=form)
    assert answer.status_code == 403
    assert await count(database, "sign_in_session") == 0
    assert await database.fetchval("SELECT used_at FROM sign_in_phone_code") is None


async def test_codes_are_not_sent_in_a_row(visitor: Visitor, database: Database) -> None:
    phone = new_phone()
    await visitor.ask_for_code(phone)
    await visitor.get("/sign-in")
    answer = await visitor.post("/sign-in", phone=phone)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert len(await visitor.messages(phone)) == 1


async def test_a_number_is_not_flooded_from_many_browsers_at_once(web_server: WebServer, database: Database) -> None:
    phone = new_phone()
    visitors = [Visitor(web_server.base_url) for _ in range(6)]
    for one in visitors:
        await one.get("/sign-in")
    answers = await asyncio.gather(*(one.post("/sign-in", phone=phone, follow=False) for one in visitors))
    assert sorted(answer.status_code for answer in answers) == [303, 429, 429, 429, 429, 429]
    assert await count(database, "sandbox_message") == 1
    for one in visitors:
        await one.http.aclose()


async def test_known_and_unknown_numbers_are_answered_alike(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    known, unknown = new_phone(), new_phone()
    await visitor.sign_in(known)
    await database.execute("DELETE FROM sign_in_throttle")
    pages = []
    for phone in (known, unknown):
        async with Visitor(web_server.base_url) as one:
            await one.ask_for_code(phone)
            answer = await one.post("/sign-in/code", code="000000")
            text = re.sub(r'value="[^"]*"', "", answer.text).replace(f"{phone[:3]}****{phone[-4:]}", "")
            pages.append((answer.status_code, text, sorted(set(answer.headers) - {"date"})))
    assert pages[0] == pages[1]


async def test_signing_in_makes_a_new_cookie_whatever_was_planted(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    planted = "A" * 43
    visitor.http.cookies.set("sandbox-session", planted, domain="127.0.0.1")
    code = await visitor.ask_for_code(new_phone())
    answer = await visitor.http.post("/sign-in/code", data=visitor.hidden("/sign-in/code") | {"code": code})
    fresh = re.match(r"sandbox-session=([^;]+); Path=/; HttpOnly; SameSite=Lax$", answer.headers["set-cookie"])
    assert fresh is not None
    assert fresh[1] != planted
    async with Visitor(web_server.base_url) as attacker:
        attacker.http.cookies.set("sandbox-session", planted, domain="127.0.0.1")
        assert (await attacker.get("/account/sessions")).url.path == "/sign-in"


async def test_signing_in_again_gives_the_session_a_new_cookie(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    phone = new_phone()
    await visitor.sign_in(phone)
    old, first = visitor.session, await database.fetchrow("SELECT * FROM sign_in_session")
    assert old
    assert first
    await database.execute("DELETE FROM sign_in_throttle")
    await visitor.sign_in(phone)
    second = await database.fetchrow("SELECT * FROM sign_in_session")
    assert second is not None
    assert second["id"] == first["id"]
    assert second["auth_time"] > first["auth_time"]
    async with Visitor(web_server.base_url) as thief:
        thief.http.cookies.set("sandbox-session", old, domain="127.0.0.1")
        assert (await thief.get("/account/sessions")).url.path == "/sign-in"


async def test_another_account_at_the_same_browser_ends_the_first_session(visitor: Visitor, database: Database) -> None:
    await visitor.sign_in(new_phone())
    await visitor.sign_in(new_phone())
    rows = await database.fetch("SELECT ended_by FROM sign_in_session ORDER BY id")
    assert [row["ended_by"] for row in rows] == ["replaced", None]


@pytest.mark.parametrize("host", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1"])
async def test_a_form_posted_from_elsewhere_is_refused(visitor: Visitor, database: Database, host: str) -> None:
    await visitor.get("/sign-in")
    answer = await visitor.post("/sign-in", phone=new_phone(), origin=host)
    assert answer.status_code == 403
    assert await count(database, "sign_in_phone_code") == 0


async def test_a_form_without_its_own_token_is_refused(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    await visitor.get("/sign-in")
    async with Visitor(web_server.base_url) as attacker:
        await attacker.get("/sign-in")
        theirs = attacker.hidden("/sign-in")["form_token"]
    for token in ("", "x", "é" * 43, theirs):
        answer = await visitor.http.post("/sign-in", data={"form_token": token, "phone": new_phone()})
        assert answer.status_code == 403
    bare = await visitor.http.post("/sign-in", data={"phone": new_phone()}, headers={"sec-fetch-site": "cross-site"})
    assert bare.status_code == 403
    assert await count(database, "sign_in_phone_code") == 0


async def test_a_form_of_before_signing_in_is_worth_nothing_afterwards(visitor: Visitor, database: Database) -> None:
    await visitor.get("/sign-in")
    before = visitor.hidden("/sign-in")
    await visitor.sign_in(new_phone())
    answer = await visitor.http.post("/sign-out", data=before)
    assert answer.status_code == 403
    assert await count(database, "sign_in_session", "ended_at IS NULL") == 1


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/%0d%0aset-cookie:a=b".replace("%0d%0a", "\r\n"),
        "/a b",
        "/账户",
        "\\/evil.example",
        "/" + "a" * 6_001,
    ],
)
async def test_going_on_never_leads_elsewhere(visitor: Visitor, database: Database, target: str) -> None:
    code = await visitor.ask_for_code(new_phone())
    form = visitor.hidden("/sign-in/code") | {"code": code, "continue": target}
    answer = await visitor.http.post("/sign-in/code", data=form)
    if answer.status_code != 303:  # it is longer than a form of ours may be
        assert answer.status_code == 403
        return
    assert answer.headers["location"] == "/account/sessions"
    assert "a" not in answer.cookies


async def test_going_on_leads_to_a_page_of_ours(visitor: Visitor, database: Database) -> None:
    await visitor.ask_for_code(phone := new_phone(), target="%2Foauth%2Fauthorize%3Fclient_id%3Da%26state%3Db%252Fc")
    code = await visitor.code_for(phone)
    form = visitor.hidden("/sign-in/code") | {"code": code}
    answer = await visitor.http.post("/sign-in/code", data=form)
    assert answer.headers["location"] == "/oauth/authorize?client_id=a&state=b%2Fc"


async def test_pages_can_be_neither_framed_nor_kept_and_load_nothing_from_elsewhere(visitor: Visitor) -> None:
    page = await visitor.get("/sign-in")
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert not re.search(r'(?:src|href|action)="(?!/)', page.text)
    assert "<style" not in page.text
    assert " style=" not in page.text
    for address in re.findall(r'(?:src|href)="(/pages/[^"]+)"', page.text):
        asset = await visitor.http.get(address)
        assert asset.status_code == 200
        assert asset.headers["x-content-type-options"] == "nosniff"


async def test_what_somebody_types_is_never_markup(visitor: Visitor) -> None:
    await visitor.get("/sign-in")
    answer = await visitor.post("/sign-in", phone='"><script>x')
    assert "<script>x" not in answer.text
    answer = await visitor.get('/sign-in?continue=/"><script>x</script>')
    assert "<script>x" not in answer.text


async def test_english_comes_by_the_browsers_wish(visitor: Visitor) -> None:
    page = await visitor.get("/sign-in", **{"accept-language": "en-GB,en;q=0.9"})
    assert "Mobile number" in page.text
    assert '<html lang="en">' in page.text
    assert '<html lang="zh-CN">' in (await visitor.get("/sign-in")).text


async def test_the_api_is_not_opened_by_a_cookie(open_api: OpenApi, visitor: Visitor) -> None:
    await visitor.sign_in(new_phone())
    answer = await visitor.http.get("/open/v1/patients")
    assert answer.status_code in (401, 404, 405)
