"""Revocations are heard, missed by nobody, and asked for when news is overdue."""

import asyncio
import logging
import time
from datetime import timedelta

import asyncpg
import pytest

from kernel import clock
from kernel.db import Database, DatabaseUnavailable
from kernel.log import configure_logging
from oauth import resources, revocation, tokens, watch
from oauth.errors import InvalidToken
from oauth.grants import revoke_grant
from oauth.housekeeping import purge_expired
from oauth.revocation import Revoked, require_in_force, revoke
from oauth.tokens import AccessToken
from tests.factories.grants import grant_of, web_client


async def a_token(database: Database) -> AccessToken:
    grant = await grant_of(database, await web_client(database))
    more = {"grant": str(grant.id), "subject_kind": "account", "patient": str(grant.patient_id)}
    signed = tokens.issue(
        grant.client_id, frozenset(), audience=resources.fhir(), subject=str(grant.subject_id), more=more
    )[0]
    return tokens.read(signed)


async def end(database: Database, token: AccessToken) -> None:
    assert token.person is not None
    grant_id = await database.fetchval("SELECT id FROM oauth_grant WHERE id = $1::text::uuid", token.person.grant_id)
    async with database.transaction() as tx:
        assert await revoke_grant(tx, grant_id, because="a test")


async def test_what_commits_late_is_not_missed(database: Database, database_url: str) -> None:
    """Numbers are given out before the commit: whoever read by number would step over the late one."""
    early, later = Revoked(), await asyncpg.connect(database_url)
    insert = "INSERT INTO oauth_revocation (kind, value, expires_at) VALUES ('token', $1, now() + interval '1 hour')"
    try:
        await early.hear()
        slow = later.transaction()
        await slow.start()
        await later.execute(insert, "slow")
        await database.execute(insert, "quick")
        await early.hear()
        assert set(early.known) == {("token", "quick")}
        await slow.commit()
        await early.hear()
        assert set(early.known) == {("token", "quick"), ("token", "slow")}
    finally:
        await later.close()


async def test_a_process_that_starts_knows_what_was_revoked_before(database: Database) -> None:
    token = await a_token(database)
    await end(database, token)
    fresh = Revoked()
    await fresh.hear()
    assert fresh.has(token)
    assert fresh.is_fresh()


async def test_when_news_is_overdue_the_database_is_asked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = Revoked()
    monkeypatch.setattr(revocation, "revoked", deaf)
    token = await a_token(database)
    assert not deaf.is_fresh()
    await require_in_force(token)
    await database.execute("UPDATE oauth_grant SET status = 'revoked', revoked_at = now()")
    with pytest.raises(InvalidToken):
        await require_in_force(token)

    single = tokens.read(tokens.issue("portal-app", frozenset())[0])
    await require_in_force(single)
    async with database.transaction() as tx:
        await revoke(tx, "token", single.jti)
    deaf.known.clear()
    with pytest.raises(InvalidToken):
        await require_in_force(single)


async def test_old_news_lets_nobody_in_when_the_database_is_gone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await a_token(database)
    deaf = Revoked()
    await deaf.hear()
    monkeypatch.setattr(revocation, "revoked", deaf)
    await require_in_force(token)

    async def gone(*_given: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(database, "fetchval", gone)
    await require_in_force(token)  # The news is fresh still.
    later = time.monotonic() + revocation.FRESH_SECONDS + 0.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(DatabaseUnavailable):
        await require_in_force(token)


async def test_the_watch_hears_and_goes_on_after_an_outage(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await a_token(database)
    real, failures = database.fetch, iter([DatabaseUnavailable(), RuntimeError("a fault of ours")])

    async def sometimes(query: str, *args: object) -> object:
        if "pg_snapshot_xmin" in query and (failure := next(failures, None)) is not None:
            raise failure
        return await real(query, *args)

    async with watch.watching():
        monkeypatch.setattr(database, "fetch", sometimes)
        await database.execute(
            "INSERT INTO oauth_revocation (kind, value, expires_at) VALUES ('token', $1, now() + interval '1 hour')",
            token.jti,
        )
        for _ in range(200):
            if revocation.revoked.has(token):
                break
            await asyncio.sleep(0.05)
        assert revocation.revoked.has(token)


async def test_what_has_ended_is_forgotten(database: Database) -> None:
    token = await a_token(database)
    await end(database, token)
    assert await purge_expired(database) == 0
    with clock.frozen(clock.now() + timedelta(days=100)):
        assert await purge_expired(database) == 2
    assert await database.fetchval("SELECT count(*) FROM oauth_grant") == 0


def test_no_library_logs_tokens_at_any_level() -> None:
    """Authlib's debug lines print whole tokens, so they are never let out."""
    before = logging.getLogger().level
    try:
        configure_logging("DEBUG")
        assert not logging.getLogger("authlib.oauth2.rfc6749.grants").isEnabledFor(logging.DEBUG)
    finally:
        logging.getLogger().setLevel(before)
