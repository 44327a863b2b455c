import json
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from joserfc.jwk import ECKey

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from oauth import clients
from oauth.client_rules import RegistrationRefused
from oauth.dynamic_registration import answer_registration
from oauth.errors import StaffUnknown
from runtime import access
from tests.factories.oauth import register_client

PORTAL = ("client", "city-portal", "--name", "City portal", "--kind", "partner", "--channel", "city_portal")
SCOPES = ("--scope", "slots.read", "--scope", "patients.write")


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path) -> None:
    (tmp_path / "field_key").write_text("11" * 32)
    (tmp_path / "lookup_key").write_text("22" * 32)
    load_cipher(tmp_path)


async def _ask(database: Database, *arguments: str) -> str:
    async with database.transaction() as tx:
        return await access.change(tx, access._parser().parse_args(arguments))


async def _secret(database: Database, *arguments: str) -> str:
    first, _ = (await _ask(database, *arguments)).splitlines()
    return first.partition("secret ")[2]


async def _changes(database: Database) -> list[tuple[str, str, str]]:
    rows = await database.fetch("SELECT entity, entity_id, action FROM change_log ORDER BY id")
    return [(row["entity"], row["entity_id"], row["action"]) for row in rows]


async def test_a_client_is_registered_with_a_secret_that_is_shown_once(database: Database) -> None:
    secret = await _secret(database, *PORTAL, *SCOPES)

    client = await clients.read_client("city-portal")
    assert client is not None
    assert (client.kind, client.channel) == ("partner", "city_portal")
    assert client.scopes == {"slots.read", "patients.write"}
    assert client.secret_fits(secret)
    assert len(secret) >= 43  # 256 bits in base64url
    assert await _changes(database) == [("oauth_client", "city-portal", "created")]
    rows = await database.fetch(
        "SELECT c::text AS kept FROM oauth_client c UNION ALL SELECT s::text FROM oauth_client_secret s"
        " UNION ALL SELECT l::text FROM change_log l"
    )
    kept = "\n".join(row["kept"] for row in rows)
    assert secret not in kept


async def test_a_new_secret_ends_the_old_one(database: Database) -> None:
    old = await _secret(database, *PORTAL, *SCOPES)
    new = await _secret(database, "secret", "city-portal")

    client = await clients.read_client("city-portal")
    assert client is not None
    assert (client.secret_fits(old), client.secret_fits(new)) == (False, True)


async def test_a_client_is_shut_out_and_let_in_again(database: Database) -> None:
    await _ask(database, *PORTAL, *SCOPES)
    await _ask(database, "suspend", "city-portal")
    assert await clients.read_client("city-portal") is None

    await _ask(database, "suspend", "city-portal")  # changes nothing, and says so to nobody
    await _ask(database, "resume", "city-portal")
    assert await clients.read_client("city-portal") is not None
    assert [action for _, _, action in await _changes(database)] == ["created", "updated", "updated"]


async def test_a_member_of_staff_comes_and_goes(database: Database) -> None:
    await _ask(database, "staff", "S4711", "--name", "王芳")
    assert await database.fetchval("SELECT status FROM staff WHERE code = 'S4711'") == "active"

    await _ask(database, "leave", "S4711")
    with pytest.raises(StaffUnknown):
        await clients.require_staff("S4711")
    assert await _changes(database) == [("staff", "S4711", "created"), ("staff", "S4711", "updated")]


@pytest.mark.parametrize(
    "asked",
    [
        ("client", "No", *PORTAL[2:], *SCOPES),
        ("client", "city-portal", "--name", " ", *PORTAL[4:], *SCOPES),
        (*PORTAL[:-1], "City Portal!", *SCOPES),
        ("secret", "nobody-known"),
        ("suspend", "nobody-known"),
        ("staff", "4711", "--name", "王芳"),
        ("leave", "S9999"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(database: Database, asked: tuple[str, ...]) -> None:
    with pytest.raises(RegistrationRefused):
        await _ask(database, *asked)

    assert await _changes(database) == []
    assert await database.fetchval("SELECT (SELECT count(*) FROM oauth_client) + (SELECT count(*) FROM staff)") == 0
    assert await database.fetchval("SELECT count(*) FROM channel") == 0


async def test_an_id_is_given_once(database: Database) -> None:
    secret = await _secret(database, *PORTAL, *SCOPES)
    with pytest.raises(RegistrationRefused):
        await _ask(database, *PORTAL, "--scope", "slots.read")

    client = await clients.read_client("city-portal")
    assert client is not None
    assert client.secret_fits(secret)


async def test_a_scope_that_does_not_exist_is_refused(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        await _ask(database, *PORTAL, "--scope", "everything")
    assert "there is no scope 'everything'" in capsys.readouterr().err


async def test_two_secrets_overlap_while_a_client_changes_to_the_next(database: Database) -> None:
    old = await _secret(database, *PORTAL, *SCOPES)
    new = await _secret(database, "secret", "city-portal", "--overlap-hours", "2")

    async def fitting() -> tuple[bool, bool]:
        client = await clients.read_client("city-portal")
        assert client is not None
        return client.secret_fits(old), client.secret_fits(new)

    assert await fitting() == (True, True)
    with clock.frozen(clock.now() + timedelta(hours=2, seconds=1)):
        assert await fitting() == (False, True)
    with pytest.raises(RegistrationRefused):
        await _ask(database, "secret", "city-portal", "--overlap-hours", "9999")


async def test_a_client_with_keys_has_no_secret(database: Database, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}))
    said = await _ask(
        database, *PORTAL, *SCOPES, "--auth-method", "private_key_jwt", "--jwks", str(keys), "--profile", "smart"
    )

    assert said == "city-portal is registered and proves itself by private_key_jwt."
    client = await clients.read_client("city-portal")
    assert client is not None
    assert (client.auth_method, client.profile, client.secrets) == ("private_key_jwt", "smart", ())
    assert client.jwks == json.loads(keys.read_text())
    with pytest.raises(RegistrationRefused):
        await _ask(database, "secret", "city-portal")


async def test_a_native_application_is_public_and_has_its_addresses(database: Database) -> None:
    await _ask(
        database, *PORTAL, *SCOPES, "--type", "native", "--auth-method", "none",
        "--redirect-uri", "http://127.0.0.1/callback",
    )  # fmt: skip
    client = await clients.read_client("city-portal")

    assert client is not None
    assert client.is_public
    assert client.redirect_uris == ("http://127.0.0.1/callback",)
    assert client.grant_types == {"authorization_code", "refresh_token"}


@pytest.mark.parametrize(("status", "step"), [("pending", "suspend"), ("refused", "resume"), ("refused", "suspend")])
async def test_a_client_does_not_skip_its_review(database: Database, status: str, step: str) -> None:
    await register_client(database, status=status)
    with pytest.raises(RegistrationRefused):
        await _ask(database, step, "portal-app")
    assert await database.fetchval("SELECT status FROM oauth_client") == status
    assert await clients.read_client("portal-app") is None


async def test_the_database_itself_refuses_clients_against_their_profile(database: Database) -> None:
    for columns in (
        {"auth_method": "private_key_jwt"},
        {"auth_method": "none"},
        {"auth_method": "none", "application_type": "native", "grant_types": ["client_credentials"]},
        {"profile": "fapi2"},
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await register_client(database, **columns)


async def test_a_partner_is_invited_registers_and_is_let_in(database: Database) -> None:
    said = await _ask(
        database, "registration-token", "--note", "City portal", "--channel", "city_portal", "--scope", "slots.read"
    )
    token = said.splitlines()[0].removeprefix("initial access token ")
    status, body, _ = await answer_registration(token, {"client_name": "City app"})
    assert (status, body["status"], body["scope"]) == (201, "pending", "slots.read")

    assert await clients.read_client(body["client_id"]) is None
    await _ask(database, "approve", body["client_id"])
    client = await clients.read_client(body["client_id"])
    assert client is not None
    assert (client.kind, client.channel) == ("partner", "city_portal")
    assert client.secret_fits(body["client_secret"])


async def test_an_application_is_refused_for_good(database: Database) -> None:
    await register_client(database, status="pending")
    await _ask(database, "refuse", "portal-app")
    for step in ("approve", "resume"):
        with pytest.raises(RegistrationRefused):
            await _ask(database, step, "portal-app")
    assert await clients.read_client("portal-app") is None
