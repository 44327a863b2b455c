"""Signing in from the mini-program, against the emulated WeChat: who gets in, who gets a ticket, and who nothing."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from oauth.sign_in import app_sessions, wechat
from oauth.sign_in.app_sessions import Tokens
from oauth.sign_in.errors import (
    InvalidPhone,
    MethodNotOffered,
    SignInRefused,
    TooManyAttempts,
    WeChatUnavailable,
)
from oauth.sign_in.purging import purge_sign_in
from oauth.sign_in.setup import SignIn, configure_sign_in
from oauth.sign_in.subjects import Visit
from oauth.sign_in.wechat import IDENTITIES_MAX, Ticket
from patients.accounts import Accounts, close_account
from runtime.sandbox_channels import WECHAT_APP_ID
from runtime.wechat import WeChatSignIn
from tests.factories.keys import write_keys
from tests.factories.wechat import WeChatBeside
from tests.factories.wechat import wechat as wechat_beside

ORIGIN = "https://open.hospital.example"


@pytest.fixture(scope="module")
async def _beside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatBeside]:
    async with wechat_beside(tmp_path_factory.mktemp("wechat")) as opened:
        yield opened


@pytest.fixture
async def beside(_beside: WeChatBeside, database: Database, tmp_path: Path) -> AsyncIterator[WeChatBeside]:
    """The emulated WeChat, with sign-in configured to speak with it."""
    load_cipher(write_keys(tmp_path / "keys"))
    mini_program = _beside.mini_program()
    configure_sign_in(SignIn(ORIGIN, Accounts(), None, sandbox=True, wechat=WeChatSignIn(mini_program)))
    yield _beside
    mini_program.close()
    await _beside.process.clear_faults()


def visit(address: str = "192.0.2.1", token: str | None = None) -> Visit:
    return Visit(token=token or secrets.token_urlsafe(32), address=address, device="WeChat on Android")


async def log_in(beside: WeChatBeside, openid: str, at: Visit) -> Tokens | Ticket:
    return await wechat.sign_in_by_login_code(await beside.login_code(openid), at)


async def ticket_for(beside: WeChatBeside, openid: str, at: Visit) -> str:
    ticket = await log_in(beside, openid, at)
    assert isinstance(ticket, Ticket)
    return ticket.text


async def join(beside: WeChatBeside, openid: str, at: Visit | None = None) -> UUID:
    """Sign in for the first time, by ticket and number."""
    at = at or visit()
    ticket = await ticket_for(beside, openid, at)
    account_id, _ = await wechat.sign_in_by_phone(ticket, await beside.phone_code(openid), at)
    return account_id


async def account_of(tokens: Tokens | Ticket) -> UUID:
    assert isinstance(tokens, Tokens)
    return (await app_sessions.require_app_session(tokens.access_token)).subject.id


async def events(database: Database) -> Counter[str]:
    return Counter(row["kind"] for row in await database.fetch("SELECT kind FROM sign_in_event"))


def kinds(outcomes: Sequence[object]) -> Counter[str]:
    return Counter(type(one).__name__ for one in outcomes)


async def fingerprint(database: Database) -> dict[str, Any]:
    tables = ("patient_account", "wechat_identity", "sign_in_session", "sign_in_access_token")
    return {table: await database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables}


async def test_first_a_ticket_then_the_number_then_at_once(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    at = visit()
    account_id = await join(beside, person["openid"], at)
    again = await log_in(beside, person["openid"], visit())
    assert await account_of(again) == account_id
    assert isinstance(again, Tokens)
    assert await wechat.openid_of_session(again.session_id) == person["openid"]
    assert again.transport == "body"
    assert await events(database) == {"ticket_given": 1, "wechat_bound": 1, "signed_in": 2}
    assert await database.fetchval("SELECT count(*) FROM patient_account") == 1


async def test_nothing_of_wechats_is_kept_that_could_be_read(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person(unionid="oUnionOfSomebody")
    await join(beside, person["openid"])
    for table in ("wechat_identity", "wechat_ticket", "sign_in_event", "sign_in_session"):
        kept = str([tuple(row.values()) for row in await database.fetch(f"SELECT * FROM {table}")])
        for secret in (person["openid"], person["phone"], "oUnionOfSomebody"):
            assert secret not in kept, table


async def test_the_account_of_the_number_is_found(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    async with database.transaction() as tx:
        known = await Accounts().open_account(tx, phone=person["phone"])
    assert await join(beside, person["openid"]) == known


async def test_two_openids_of_one_number_have_one_account(beside: WeChatBeside, database: Database) -> None:
    first = await beside.person()
    second = await beside.person(phone=first["phone"])
    account_id = await join(beside, first["openid"])
    assert await join(beside, second["openid"]) == account_id
    assert await account_of(await log_in(beside, first["openid"], visit())) == account_id
    # Messages go to the one that was used last.
    assert await wechat.openids_of([account_id], app_id=WECHAT_APP_ID) == {account_id: first["openid"]}
    assert await wechat.openids_of([account_id], app_id="wx-of-another") == {}


async def test_the_openid_used_longest_ago_makes_room(beside: WeChatBeside, database: Database) -> None:
    first = await beside.person()
    others = [await beside.person(phone=first["phone"]) for _ in range(IDENTITIES_MAX)]
    for person in (first, *others):
        account_id = await join(beside, person["openid"])
    assert await database.fetchval("SELECT count(*) FROM wechat_identity") == IDENTITIES_MAX
    assert isinstance(await log_in(beside, first["openid"], visit()), Ticket)
    assert await account_of(await log_in(beside, others[0]["openid"], visit())) == account_id
    assert (await events(database))["wechat_unbound"] == 1


async def test_a_code_that_was_used_opens_nothing(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    await join(beside, person["openid"])
    code = await beside.login_code(person["openid"])
    await wechat.sign_in_by_login_code(code, visit())
    before = await fingerprint(database)
    for forged in (code, "never-made", await beside.phone_code(person["openid"])):
        with pytest.raises(SignInRefused):
            await wechat.sign_in_by_login_code(forged, visit())
    assert await fingerprint(database) == before
    assert (await events(database))["refused"] == 3


@pytest.mark.race
async def test_of_many_with_one_login_code_one_gets_in(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    await join(beside, person["openid"])
    code = await beside.login_code(person["openid"])
    outcomes = await asyncio.gather(
        *(wechat.sign_in_by_login_code(code, visit(f"192.0.2.{n}")) for n in range(10)), return_exceptions=True
    )
    assert kinds(outcomes) == {"Tokens": 1, "SignInRefused": 9}
    assert await database.fetchval("SELECT count(*) FROM sign_in_session") == 2


@pytest.mark.race
async def test_of_many_with_one_ticket_one_gets_in(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    at = visit()
    ticket = await ticket_for(beside, person["openid"], at)
    codes = [await beside.phone_code(person["openid"]) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(wechat.sign_in_by_phone(ticket, code, at) for code in codes), return_exceptions=True
    )
    assert kinds(outcomes) == {"tuple": 1, "SignInRefused": 3}
    for table in ("patient_account", "wechat_identity", "sign_in_session"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 1


@pytest.mark.race
async def test_one_openid_with_two_numbers_gets_one_account(beside: WeChatBeside, database: Database) -> None:
    """Two phones of one WeChat user, each with a ticket, show different numbers at once."""
    person, other = await beside.person(), await beside.person()
    here, there = visit("192.0.2.1"), visit("192.0.2.2")
    tickets = [await ticket_for(beside, person["openid"], at) for at in (here, there)]
    codes = [await beside.phone_code(one["openid"]) for one in (person, other)]
    outcomes = await asyncio.gather(
        wechat.sign_in_by_phone(tickets[0], codes[0], here),
        wechat.sign_in_by_phone(tickets[1], codes[1], there),
        return_exceptions=True,
    )
    assert kinds(outcomes) == {"tuple": 1, "WeChatBoundElsewhere": 1}
    # Who is refused leaves nothing behind, not even an empty account.
    assert await database.fetchval("SELECT count(*) FROM patient_account") == 1
    assert await database.fetchval("SELECT count(*) FROM sign_in_session") == 1


async def test_a_ticket_is_worth_nothing_on_another_phone(beside: WeChatBeside, database: Database) -> None:
    """Who reads a ticket could bind somebody's WeChat to an account of their own."""
    victim, thief = await beside.person(), await beside.person()
    at = visit()
    ticket = await ticket_for(beside, victim["openid"], at)
    with pytest.raises(SignInRefused):
        await wechat.sign_in_by_phone(ticket, await beside.phone_code(thief["openid"]), visit())
    assert await database.fetchval("SELECT count(*) FROM patient_account") == 0
    assert await database.fetchval("SELECT count(*) FROM wechat_identity") == 0
    await wechat.sign_in_by_phone(ticket, await beside.phone_code(victim["openid"]), at)


@pytest.mark.parametrize("forged", ["", "x" * 43, "票" * 43, "x" * 4000])
async def test_forged_tickets_open_nothing(beside: WeChatBeside, database: Database, forged: str) -> None:
    code = await beside.phone_code((await beside.person())["openid"])
    with pytest.raises(SignInRefused):
        await wechat.sign_in_by_phone(forged, code, visit())
    assert await events(database) == {"refused": 1}
    assert await database.fetchval("SELECT count(*) FROM patient_account") == 0


async def test_a_ticket_bears_five_wrong_numbers(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    token = secrets.token_urlsafe(32)
    ticket = await ticket_for(beside, person["openid"], visit(token=token))
    for n in range(5):
        with pytest.raises(SignInRefused):
            # Another address each time: it is the ticket that ends here, not the caller who is held back.
            await wechat.sign_in_by_phone(ticket, "wrong", visit(f"192.0.2.{n}", token))
    with pytest.raises(SignInRefused):
        await wechat.sign_in_by_phone(ticket, await beside.phone_code(person["openid"]), visit("192.0.2.99", token))


async def test_a_ticket_ends_and_is_forgotten(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    at = visit()
    ticket = await ticket_for(beside, person["openid"], at)
    code = await beside.phone_code(person["openid"])
    with clock.frozen(clock.now() + wechat.TICKET_LIFETIME + timedelta(seconds=1)):
        with pytest.raises(SignInRefused):
            await wechat.sign_in_by_phone(ticket, code, at)
        await purge_sign_in(database)
    assert await database.fetchval("SELECT count(*) FROM wechat_ticket") == 0


async def test_a_number_of_elsewhere_has_no_account_here(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person(phone="61234567", country_code="852")
    at = visit()
    ticket = await ticket_for(beside, person["openid"], at)
    with pytest.raises(InvalidPhone):
        await wechat.sign_in_by_phone(ticket, await beside.phone_code(person["openid"]), at)
    assert await database.fetchval("SELECT count(*) FROM patient_account") == 0


@pytest.mark.parametrize("fault", ["system_busy", "frequency_limited", "unavailable", "answer_lost", "connection_cut"])
async def test_when_wechat_fails_nobody_is_let_in_and_nobody_held_back(
    beside: WeChatBeside, database: Database, fault: str
) -> None:
    person = await beside.person()
    at = visit()
    for _ in range(8):
        await beside.process.fault(f"{fault}.login")
        with pytest.raises(WeChatUnavailable):
            await log_in(beside, person["openid"], at)
    ticket = await ticket_for(beside, person["openid"], at)
    for _ in range(8):
        await beside.process.fault(f"{fault}.phone")
        with pytest.raises(WeChatUnavailable):
            await wechat.sign_in_by_phone(ticket, await beside.phone_code(person["openid"]), at)
    assert await database.fetchval("SELECT count(*) FROM sign_in_session") == 0
    await wechat.sign_in_by_phone(ticket, await beside.phone_code(person["openid"]), at)


async def test_who_guesses_is_held_back(beside: WeChatBeside, database: Database) -> None:
    at = visit()
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await wechat.sign_in_by_login_code("guess", at)
    with pytest.raises(TooManyAttempts):
        await wechat.sign_in_by_login_code("guess", at)
    assert (await events(database))["held_back"] == 1


async def test_unbinding_is_the_end_of_signing_in_at_once(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    account_id = await join(beside, person["openid"])
    tokens = await log_in(beside, person["openid"], visit())
    assert isinstance(tokens, Tokens)
    await wechat.unbind_wechat(account_id, visit())
    await wechat.unbind_wechat(account_id, visit())
    assert (await events(database))["wechat_unbound"] == 1
    assert await wechat.openids_of([account_id], app_id=WECHAT_APP_ID) == {}
    assert await account_of(tokens) == account_id
    assert await wechat.openid_of_session(tokens.session_id) is None
    assert await join(beside, person["openid"]) == account_id


async def test_an_openid_moves_by_being_unbound_first(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    old = await join(beside, person["openid"])
    await wechat.unbind_wechat(old, visit())
    await beside.person(openid=person["openid"], phone="13700137000")
    new = await join(beside, person["openid"])
    assert new != old
    assert await account_of(await log_in(beside, person["openid"], visit())) == new


async def test_a_closed_account_lets_no_wechat_user_in(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    account_id = await join(beside, person["openid"])
    await close_account(account_id)
    assert await database.fetchval("SELECT count(*) FROM wechat_identity") == 0
    assert isinstance(await log_in(beside, person["openid"], visit()), Ticket)
    assert await join(beside, person["openid"]) != account_id


@pytest.mark.race
async def test_nobody_slips_in_while_an_account_is_closed(beside: WeChatBeside, database: Database) -> None:
    person = await beside.person()
    account_id = await join(beside, person["openid"])
    codes = [await beside.login_code(person["openid"]) for _ in range(6)]
    await asyncio.gather(
        *(wechat.sign_in_by_login_code(code, visit()) for code in codes[:3]),
        close_account(account_id),
        *(wechat.sign_in_by_login_code(code, visit()) for code in codes[3:]),
    )
    live = "SELECT count(*) FROM sign_in_session WHERE subject_id = $1 AND ended_at IS NULL"
    assert await database.fetchval(live, account_id) == 0


async def test_without_a_mini_program_it_is_not_offered(database: Database, tmp_path: Path) -> None:
    load_cipher(write_keys(tmp_path / "keys"))
    configure_sign_in(SignIn(ORIGIN, Accounts(), None, sandbox=True))
    with pytest.raises(MethodNotOffered):
        await wechat.sign_in_by_login_code("x", visit())
    with pytest.raises(MethodNotOffered):
        await wechat.sign_in_by_phone("x" * 43, "x", visit())
