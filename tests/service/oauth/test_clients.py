"""What the guard believes of clients and staff, for a second and no longer."""

import time

import pytest

from kernel.db import Database
from oauth import clients
from oauth.clients import KnownCredentials, active_client, read_client, refuse_known_credentials, require_staff
from oauth.errors import StaffRequired, StaffUnknown
from oauth.known_credentials import DEMO_CLIENTS
from tests.factories.oauth import SECRET, register_client


async def test_a_secret_is_kept_as_a_keyed_hash_of_client_and_secret(database: Database) -> None:
    await register_client(database, client_id="first-app")
    await register_client(database, client_id="second-app")
    first, second = [await read_client(name) for name in ("first-app", "second-app")]

    assert first is not None
    assert second is not None
    assert first.secret_fits(SECRET)
    assert not first.secret_fits(SECRET + " ")
    assert first.secrets[0].hash != second.secrets[0].hash
    assert SECRET.encode() not in first.secrets[0].hash


async def test_a_token_grants_no_more_than_the_registration_still_allows(database: Database) -> None:
    await register_client(database, scopes=("slots.read",))
    client = await active_client("portal-app")

    assert client is not None
    assert client.narrowed(frozenset({"slots.read", "administration.write"})).scopes == {"slots.read"}
    assert client.narrowed(frozenset()).scopes == frozenset()


async def test_a_suspension_reaches_the_guard_after_a_second(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register_client(database)
    assert await active_client("portal-app") is not None
    await database.execute("UPDATE oauth_client SET status = 'suspended'")
    later = time.monotonic() + clients.REMEMBER_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert await active_client("portal-app") is None


async def test_unknown_clients_are_not_asked_for_again_within_a_second(database: Database) -> None:
    assert await active_client("nobody") is None
    await register_client(database, client_id="nobody")

    assert await active_client("nobody") is None


async def test_staff_must_be_named_and_work_here(database: Database) -> None:
    for code, status in (("S0001", "active"), ("S0002", "left")):
        await database.execute(
            "INSERT INTO staff (id, code, name, status) VALUES (gen_random_uuid(), $1, 'n', $2)", code, status
        )

    assert await require_staff("S0001") == "S0001"
    for missing in (None, ""):
        with pytest.raises(StaffRequired):
            await require_staff(missing)
    for unknown in ("S0002", "S9999", "s0001", "S0001'--", "S" * 17, "S\x00", "S\udcff", "S００１"):
        with pytest.raises(StaffUnknown):
            await require_staff(unknown)


@pytest.mark.parametrize("demo", DEMO_CLIENTS, ids=lambda demo: demo.client_id)
async def test_production_does_not_start_where_a_published_secret_works(database: Database, demo: object) -> None:
    known = next(one for one in DEMO_CLIENTS if one is demo)
    await register_client(database, client_id=known.client_id, secret=known.secret)

    with pytest.raises(KnownCredentials, match=known.client_id):
        await refuse_known_credentials()
    await database.execute("UPDATE oauth_client SET status = 'suspended'")
    await refuse_known_credentials()


async def test_production_starts_where_the_published_secret_was_changed(database: Database) -> None:
    await register_client(database, client_id=DEMO_CLIENTS[0].client_id, secret="changed")

    await refuse_known_credentials()
