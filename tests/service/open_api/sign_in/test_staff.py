"""Staff set up what they sign in with, sign in with it, and leave: at the real server, honestly and not."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from kernel.db import Database
from oauth.sign_in.throttle import DELAY_SECONDS_MAX, FREE_FAILURES
from oauth.staff import people
from tests.factories.sign_in import Visitor
from tests.factories.staff import ADMINISTRATOR, PASSWORD, Credentials, employ, invite, set_up, sign_in
from tests.server import WebServer


@pytest.fixture
async def nurse(visitor: Visitor, database: Database) -> Credentials:
    code = await employ(database)
    return await set_up(visitor, await invite(database, code), code)


async def count(database: Database, table: str, where: str = "true") -> int:
    found: int = await database.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
    return found


async def end_waits(database: Database) -> None:
    await database.execute("UPDATE sign_in_throttle SET blocked_until = '-infinity'")


async def test_code_password_and_one_time_code_sign_somebody_in(
    visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    answer = await sign_in(visitor, nurse)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sessions")
    row = await database.fetchrow("SELECT * FROM sign_in_session")
    assert row is not None
    assert (row["subject_kind"], row["methods"], row["acr"]) == ("staff", ["pwd", "otp", "mfa"], "aal2")
    assert "本机" in (await visitor.get("/account/sessions")).text


async def test_nothing_kept_or_logged_is_worth_anything(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    await sign_in(visitor, nurse)
    assert visitor.session
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE tablename ~ '^(sign_in|staff|change_log)'")
    for (table,) in tables:
        kept = "\n".join(str(dict(row)) for row in await database.fetch(f"SELECT * FROM {table}"))
        for secret in (PASSWORD, nurse.secret, *nurse.recovery_codes, visitor.session):
            assert secret not in kept, table
    for secret in (PASSWORD, nurse.secret, *nurse.recovery_codes):
        assert secret not in web_server.log()
    assert (await database.fetchval("SELECT hash FROM sign_in_password")).startswith("$argon2id$v=19$m=65536,t=3,")


async def test_known_and_unknown_staff_are_answered_alike(
    web_server: WebServer, nurse: Credentials, database: Database
) -> None:
    answers = set()
    cases = [
        (nurse.code, "wrong password here", "000000"),
        (nurse.code, PASSWORD, "000000"),
        (nurse.code, PASSWORD, "ABCDE-FGHJK"),
        ("S999999", "wrong password here", "000000"),
        ("nobody", "", ""),
        ("x" * 20, "p" * 5_000, "1" * 20),
    ]
    for code, password, second in cases:
        async with Visitor(web_server.base_url) as one:
            await one.get("/staff/sign-in")
            answer = await one.post("/staff/sign-in", code=code, password=password, second=second)
            text = re.sub(r'value="[^"]*"', "", answer.text)
            answers.add((answer.status_code, text, tuple(sorted(set(answer.headers) - {"date", "set-cookie"}))))
    [(status, text, _)] = answers
    assert status == 403
    assert "登录信息不正确" in text
    assert await count(database, "sign_in_session") == 0


async def test_the_held_back_are_answered_alike_whether_or_not_anybody_has_the_code(
    web_server: WebServer, nurse: Credentials
) -> None:
    seen = []
    for code in (nurse.code, "S999998"):
        async with Visitor(web_server.base_url) as one:
            await one.get("/staff/sign-in")
            statuses = []
            for _ in range(FREE_FAILURES + 2):
                answer = await one.post("/staff/sign-in", code=code, password="wrong password", second="000000")
                statuses.append(answer.status_code)
            seen.append(statuses)
    assert seen[0] == seen[1] == [403] * FREE_FAILURES + [429, 429]


async def test_a_one_time_code_is_used_once(web_server: WebServer, nurse: Credentials, database: Database) -> None:
    second = nurse.one_time_code()
    async with Visitor(web_server.base_url) as first, Visitor(web_server.base_url) as thief:
        assert (await sign_in(first, nurse, second=second)).status_code == 303
        assert (await sign_in(thief, nurse, second=second)).status_code == 403
        # An earlier step's code is worth nothing either.
        assert (await sign_in(thief, nurse, second=nurse.one_time_code(steps_ahead=0))).status_code == 403
    assert await count(database, "sign_in_session") == 1


async def test_one_time_code_used_at_once_by_many_lets_one_in(
    web_server: WebServer, nurse: Credentials, database: Database
) -> None:
    second = nurse.one_time_code()
    visitors = [Visitor(web_server.base_url) for _ in range(FREE_FAILURES - 1)]
    answers = await asyncio.gather(*(sign_in(one, nurse, second=second) for one in visitors))
    assert sorted(answer.status_code for answer in answers) == [303] + [403] * (len(visitors) - 1)
    assert await count(database, "sign_in_session") == 1
    for one in visitors:
        await one.http.aclose()


@pytest.mark.parametrize("steps", [-3, 3, 20])
async def test_codes_of_other_times_are_worth_nothing(visitor: Visitor, nurse: Credentials, steps: int) -> None:
    assert (await sign_in(visitor, nurse, second=nurse.one_time_code(steps_ahead=steps))).status_code == 403


async def test_a_recovery_code_takes_the_place_of_a_one_time_code_once(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    code = nurse.recovery_codes[3]
    assert (await sign_in(visitor, nurse, second=code.lower().replace("-", ""))).status_code == 303
    async with Visitor(web_server.base_url) as thief:
        assert (await sign_in(thief, nurse, second=code)).status_code == 403
    assert await count(database, "sign_in_recovery_code", "used_at IS NULL") == 9
    assert await count(database, "sign_in_event", "method = 'password_and_recovery_code'") == 1


async def test_the_wait_grows_and_success_ends_it(visitor: Visitor, nurse: Credentials, database: Database) -> None:
    waits = []
    for failure in range(FREE_FAILURES + 7):
        await end_waits(database)
        assert (await sign_in(visitor, nurse, password="wrong password")).status_code == 403
        if failure >= FREE_FAILURES - 1:
            waits.append(int((await sign_in(visitor, nurse)).headers["retry-after"]))
    assert [round(wait / 30) for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(waits) <= DELAY_SECONDS_MAX + 1
    await end_waits(database)
    assert (await sign_in(visitor, nurse)).status_code == 303
    assert (await sign_in(visitor, nurse, password="wrong password")).status_code == 403
    assert (await sign_in(visitor, nurse, password="wrong password")).status_code == 403


async def test_a_hundred_guesses_at_once_are_counted_one_by_one(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    await visitor.get("/staff/sign-in")
    form = visitor.hidden("/staff/sign-in") | {"code": nurse.code, "second": "000000"}
    answers = await asyncio.gather(
        *(visitor.http.post("/staff/sign-in", data=form | {"password": f"guess number {n}"}) for n in range(30))
    )
    assert sorted(answer.status_code for answer in answers) == [403] * FREE_FAILURES + [429] * (30 - FREE_FAILURES)


async def test_guessing_elsewhere_does_not_shut_an_honest_person_out(
    tmp_path_factory: pytest.TempPathFactory,
    database_url: str,
    redis_url: str,
    visitor: Visitor,
    nurse: Credentials,
    database: Database,
    web_server: WebServer,
) -> None:
    # A server behind a proxy of our own, which tells where its callers are.
    folder = tmp_path_factory.mktemp("behind-proxy")
    with WebServer.up(
        folder, database_url=database_url, redis_url=redis_url, keys_from=web_server.keys_dir, PROXIES_COUNT="1"
    ) as server:
        home, elsewhere = {"x-forwarded-for": "198.51.100.7"}, {"x-forwarded-for": "1.2.3.4, 203.0.113.9"}
        async with Visitor(server.base_url, **home) as honest, Visitor(server.base_url, **elsewhere) as attacker:
            for _ in range(FREE_FAILURES):
                assert (await sign_in(attacker, nurse, password="wrong password")).status_code == 403
            assert (await sign_in(attacker, nurse, password="wrong password")).status_code == 429
            assert (await sign_in(honest, nurse)).status_code == 303
            # What the attacker writes into the header itself is not believed: still the same address, still held back.
            attacker.http.headers["x-forwarded-for"] = "198.51.100.7, 203.0.113.9"
            assert (await sign_in(attacker, nurse, password="wrong password")).status_code == 429
            # Even when guesses from everywhere have used up the day's limit, the known address gets in.
            await database.execute("UPDATE sign_in_throttle SET count = 100, ends_at = now() + interval '1 day'")
            third = nurse.recovery_codes[0]
            assert (await sign_in(honest, nurse, second=third)).status_code == 303
            attacker.http.headers["x-forwarded-for"] = "203.0.113.10"
            assert (await sign_in(attacker, nurse, second=nurse.recovery_codes[1])).status_code == 429


async def test_who_leaves_is_out_at_once(
    visitor: Visitor, nurse: Credentials, database: Database, web_server: WebServer
) -> None:
    assert (await sign_in(visitor, nurse)).status_code == 303
    assert (await visitor.get("/account/sessions")).url.path == "/account/sessions"
    async with database.transaction() as tx:
        await people.leave(tx, code=nurse.code, actor=ADMINISTRATOR)
    assert (await visitor.get("/account/sessions")).url.path != "/account/sessions"
    async with Visitor(web_server.base_url) as again:
        assert (await sign_in(again, nurse, second=nurse.recovery_codes[0])).status_code == 403
    for table in ("sign_in_password", "sign_in_totp", "sign_in_recovery_code", "sign_in_passkey"):
        assert await count(database, table) == 0
    assert await database.fetchval("SELECT ended_by FROM sign_in_session") == "left"


async def test_an_invitation_is_opened_by_its_code_and_used_once(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    invitation = await invite(database, nurse.code)
    path = urlsplit(invitation.link).path
    async with Visitor(web_server.base_url) as other:
        await other.get(path)
        wrong = await other.post(path, code="AAAA-BBBB-CCCC")
        assert wrong.status_code == 403
        assert await database.fetchval("SELECT tries_left FROM staff_invitation WHERE ended_at IS NULL") == 9
    # What was there before ended as the invitation was written.
    assert (await sign_in(visitor, nurse)).status_code == 403
    fresh = await set_up(visitor, invitation, nurse.code)
    await visitor.get(path)
    assert (await visitor.post(path, code=invitation.code)).status_code == 403
    assert (await sign_in(visitor, fresh)).status_code == 303
    assert await count(database, "staff_invitation", "ended_by = 'used'") == 2


async def test_an_invitation_ends_with_its_tries_and_its_time(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    code = await employ(database)
    first = await invite(database, code)
    path = urlsplit(first.link).path
    await visitor.get(path)
    for _ in range(10):
        assert (await visitor.post(path, code="AAAA-BBBB-CCCC")).status_code == 403
    assert (await visitor.post(path, code=first.code)).status_code == 403

    second = await invite(database, code)
    await database.execute("UPDATE staff_invitation SET expires_at = now() WHERE id = $1", second.id)
    path = urlsplit(second.link).path
    await visitor.get(path)
    assert (await visitor.post(path, code=second.code)).status_code == 403
    assert await count(database, "sign_in_password") == 0


async def test_an_opened_invitation_belongs_to_its_browser(
    web_server: WebServer, visitor: Visitor, database: Database
) -> None:
    code = await employ(database)
    invitation = await invite(database, code)
    path = urlsplit(invitation.link).path
    await visitor.get(path)
    await visitor.post(path, code=invitation.code)
    async with Visitor(web_server.base_url) as thief:
        page = await thief.get(path)
        assert 'class="secret"' not in page.text
        form = thief.hidden(path) | {"password": PASSWORD, "again": PASSWORD, "second": "000000"}
        answer = await thief.http.post(f"{path}/password", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert await count(database, "sign_in_password") == 0


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", "short", "至少12个字符"),
        ("passwordpassword", "passwordpassword", "至少12个字符"),
        ("lantern orbit walnut", "lantern orbit walnuT", "不一致"),
        ("lantern orbit walnut", "lantern orbit walnut", "动态验证码不正确"),
    ],
)
async def test_what_does_not_do_is_said_and_the_invitation_stays(
    visitor: Visitor, database: Database, password: str, again: str, words: str
) -> None:
    code = await employ(database)
    invitation = await invite(database, code)
    path = urlsplit(invitation.link).path
    await visitor.get(path)
    await visitor.post(path, code=invitation.code)
    answer = await visitor.post(f"{path}/password", password=password, again=again, second="000000")
    assert answer.status_code in (403, 422)
    assert words in answer.text
    assert await count(database, "sign_in_password") == 0
    assert await count(database, "staff_invitation", "ended_at IS NULL") == 1


async def test_ending_one_session_ends_the_stolen_cookie(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    await sign_in(visitor, nurse)
    assert visitor.session
    async with Visitor(web_server.base_url) as other, Visitor(web_server.base_url) as thief:
        await sign_in(other, nurse, second=nurse.recovery_codes[0])
        thief.http.cookies.set("sandbox-session", visitor.session, domain="127.0.0.1")
        assert (await thief.get("/account/sessions")).url.path == "/account/sessions"
        await other.get("/account/sessions")
        stolen = await database.fetchval("SELECT id FROM sign_in_session ORDER BY created_at LIMIT 1")
        listed = await other.post(f"/account/sessions/{stolen}/end")
        assert "已退出" in listed.text
        assert (await thief.get("/account/sessions")).url.path != "/account/sessions"
        # One's own alone: the other session is none of the thief's, and an ended one cannot end anything.
        own = await database.fetchval("SELECT id FROM sign_in_session WHERE ended_at IS NULL")
        answer = await thief.http.post(f"/account/sessions/{own}/end", data={"form_token": "x"})
        assert answer.status_code == 303
        assert await count(database, "sign_in_session", "ended_at IS NULL") == 1


async def test_all_other_sessions_end_together_and_signing_out_ends_this_one(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    await sign_in(visitor, nurse)
    async with Visitor(web_server.base_url) as one, Visitor(web_server.base_url) as two:
        await sign_in(one, nurse, second=nurse.recovery_codes[0])
        await sign_in(two, nurse, second=nurse.recovery_codes[1])
        await two.get("/account/sessions")
        await two.post("/account/sessions/end-others")
        assert await count(database, "sign_in_session", "ended_at IS NULL") == 1
        await two.get("/account/sessions")
        out = await two.post("/sign-out")
        assert out.url.path == "/staff/sign-in"
        assert "已退出登录" in out.text
        assert two.session is None
    assert await count(database, "sign_in_session", "ended_at IS NULL") == 0


async def test_a_session_ends_when_it_lies_idle_or_grows_old(
    visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    for change in ("seen_at = now() - interval '21 minutes'", "expires_at = now()"):
        await sign_in(visitor, nurse, second=nurse.recovery_codes[len(change) % 10])
        assert (await visitor.get("/account/sessions")).url.path == "/account/sessions"
        await database.execute(f"UPDATE sign_in_session SET {change}")
        assert (await visitor.get("/account/sessions")).url.path != "/account/sessions"


async def test_another_persons_session_is_absent(
    web_server: WebServer, visitor: Visitor, nurse: Credentials, database: Database
) -> None:
    await sign_in(visitor, nurse)
    theirs = await database.fetchval("SELECT id FROM sign_in_session")
    async with Visitor(web_server.base_url) as other:
        code = await employ(database)
        await sign_in(other, await set_up(other, await invite(database, code), code))
        await other.get("/account/sessions")
        token = other.hidden("/sign-out")["form_token"]
        answer = await other.http.post(f"/account/sessions/{theirs}/end", data={"form_token": token})
        assert answer.status_code == 404
    assert await count(database, "sign_in_session", "ended_at IS NULL") == 2
