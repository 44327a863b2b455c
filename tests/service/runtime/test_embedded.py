"""The embedded PostgreSQL as `./hospital up` makes it: databases apart, settings safe."""

from urllib.parse import urlsplit

import asyncpg
import pytest

from runtime.embedded.postgres import ensure_database


@pytest.fixture
def names(worker_name: str) -> tuple[str, str]:
    return f"platform_{worker_name}", f"his_{worker_name}"


def _url(superuser_url: str, name: str, password: str) -> str:
    parts = urlsplit(superuser_url)
    return parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}", path=f"/{name}").geturl()


async def test_two_databases_of_one_server_keep_apart(services: dict[str, str], names: tuple[str, str]) -> None:
    superuser_url = services["superuser_url"]
    platform, his = names
    for name in names:
        await ensure_database(superuser_url, name=name, owner=name, password=f'{name}\'s "own"')
        # Again, as at every start.
        await ensure_database(superuser_url, name=name, owner=name, password=f"{name}-secret")
    connection = await asyncpg.connect(_url(superuser_url, platform, f"{platform}-secret"))
    assert await connection.fetchval("SELECT current_user || '@' || current_database()") == f"{platform}@{platform}"
    assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    await connection.execute("CREATE EXTENSION btree_gist")
    await connection.close()
    his_in_platform = (
        _url(superuser_url, his, f"{his}-secret")
        .replace(f"/{his}", f"/{platform}")
        .replace(f"//{platform}", f"//{his}")
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(his_in_platform)


async def test_a_wrong_password_is_refused(services: dict[str, str], names: tuple[str, str]) -> None:
    _, his = names
    await ensure_database(services["superuser_url"], name=his, owner=his, password="right")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(_url(services["superuser_url"], his, "wrong"))


async def test_the_server_sorts_and_counts_as_the_platform_expects(services: dict[str, str]) -> None:
    connection = await asyncpg.connect(services["superuser_url"])
    found = {name: await connection.fetchval(f"SHOW {name}") for name in ("server_encoding", "TimeZone", "wal_level")}
    assert found == {"server_encoding": "UTF8", "TimeZone": "UTC", "wal_level": "replica"}
    assert await connection.fetchval("SELECT upper('é') || length('号源')::text") == "É2"
    await connection.close()
