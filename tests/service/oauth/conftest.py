from collections.abc import Iterator

import pytest

from kernel.crypto import load_cipher
from kernel.db import Database
from oauth import attempts, client_keys, clients, keys, ports, revocation, tokens
from tests.factories.keys import write_keys
from tests.service.oauth.states import State


@pytest.fixture(scope="session", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = write_keys(tmp_path_factory.mktemp("keys"))
    load_cipher(folder)
    keys.load_signing_keys(folder)
    tokens.set_issuer("https://open.hospital.example")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    clients._clients.rows.clear()
    clients._staff.rows.clear()
    client_keys._fetched.clear()
    attempts._locked.clear()
    revocation.revoked.known.clear()
    yield
    ports.set_consents(None)


@pytest.fixture
async def state(database: Database) -> State:
    """Gives a print of every table but the counts of failures and used identifiers: what an attack must not change."""

    async def read() -> dict[str, str]:
        tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            table: await database.fetchval(
                f"SELECT count(*) || md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"
            )
            for (table,) in tables
            if table not in ("oauth_failed_attempt", "oauth_jti")
        }

    return read
