"""Keys that clients publish: fetched when needed, kept no longer than their server says, never from within."""

import gzip
import ipaddress
import time
from collections.abc import Iterator

import pytest
from joserfc.jwk import ECKey

from kernel import outbound
from kernel.db import Database
from kernel.outbound import OutboundRefused
from oauth.client_keys import ASKED_AGAIN_SECONDS, BYTES_MAX, seconds_good
from oauth.server import answer_token_request
from tests.factories.grants import assertion, keyed_client, with_assertion
from tests.factories.key_server import KeyServer
from tests.factories.oauth import RegisteredClient

FIRST = ECKey.generate_key("P-384", {"kid": "first"})
SECOND = ECKey.generate_key("P-384", {"kid": "second"})


@pytest.fixture
def server() -> Iterator[KeyServer]:
    outbound.allow_loopback(allowed=True)
    with KeyServer.up() as served:
        served.publish(FIRST)
        yield served
    outbound.allow_loopback(allowed=False)


async def published(db: Database, server: KeyServer) -> RegisteredClient:
    return await keyed_client(db, FIRST, jwks=None, jwks_uri=server.url, profile="smart")


async def ask(client: RegisteredClient, key: ECKey, **header: str) -> int:
    statement = assertion(client.id, key, header=header)
    return (await answer_token_request(with_assertion(statement), {}))[0]


async def test_a_client_proves_itself_by_the_keys_it_publishes(database: Database, server: KeyServer) -> None:
    client = await published(database, server)
    assert [await ask(client, FIRST) for _ in range(3)] == [200] * 3
    assert server.asked == 1
    assert await ask(client, FIRST, jku=server.url) == 200
    assert await ask(client, FIRST, jku=server.url + "/other") == 401


async def test_a_new_key_is_looked_for_once_in_a_while(
    database: Database, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await published(database, server)
    assert await ask(client, FIRST) == 200
    server.publish(FIRST, SECOND)
    # However many name a key that we do not know, its server is asked once in five seconds.
    assert [await ask(client, SECOND) for _ in range(3)] == [401] * 3
    assert server.asked == 1

    later = time.monotonic() + ASKED_AGAIN_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert await ask(client, SECOND) == 200
    assert server.asked == 2


async def test_keys_are_kept_no_longer_than_their_server_says(
    database: Database, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.headers = {"cache-control": "max-age=60"}
    client = await published(database, server)
    assert await ask(client, FIRST) == 200
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    server.publish(SECOND)
    assert await ask(client, FIRST) == 401
    assert server.asked == 2


async def test_what_may_not_be_kept_is_asked_for_each_time(database: Database, server: KeyServer) -> None:
    server.headers = {"cache-control": "no-store"}
    client = await published(database, server)
    assert [await ask(client, FIRST) for _ in range(3)] == [200] * 3
    assert server.asked == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 300),
        ({"cache-control": "public, max-age=60"}, 60),
        ({"cache-control": "max-age=60", "age": "50"}, 10),
        ({"cache-control": "max-age=60", "age": "70"}, 0),
        ({"cache-control": "max-age=999999"}, 3_600),
        ({"cache-control": "no-cache, max-age=60"}, 0),
        ({"cache-control": "No-Store"}, 0),
        ({"cache-control": "max-age=x"}, 300),
        ({"cache-control": "s-maxage=5, max-age=60"}, 60),
    ],
)
def test_a_server_says_for_how_long(headers: dict[str, str], seconds: float) -> None:
    assert seconds_good(headers) == seconds


@pytest.mark.parametrize(
    "fault", ["status", "redirect", "no json", "no keys", "private key", "too long", "list", "packed"]
)
async def test_what_is_no_key_set_proves_nothing(database: Database, server: KeyServer, fault: str) -> None:
    client = await published(database, server)
    match fault:
        case "status":
            server.status = 500
        case "redirect":
            server.status, server.headers = 302, {"location": server.url}
        case "no json":
            server.body = b"<html>"
        case "no keys":
            server.body = b'{"keys": []}'
        case "private key":
            server.body = b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]}'
        case "packed":
            # What is packed can be a thousand times as long before anybody has counted it.
            server.body, server.headers = gzip.compress(server.body), {"content-encoding": "gzip"}
        case "too long":
            server.body = b" " * (BYTES_MAX + 1)
        case _:
            server.body = b"[]"
    assert [await ask(client, FIRST) for _ in range(2)] == [401] * 2
    # A server that fails is left alone for a moment.
    assert server.asked == 1


async def test_a_server_that_is_away_proves_nothing(database: Database, server: KeyServer) -> None:
    client = await keyed_client(database, FIRST, jwks=None, jwks_uri="http://127.0.0.1:1/jwks")
    assert await ask(client, FIRST) == 401


async def test_production_fetches_nothing_from_its_own_machine(database: Database, server: KeyServer) -> None:
    outbound.allow_loopback(allowed=False)
    client = await published(database, server)
    assert await ask(client, FIRST) == 401
    assert server.asked == 0


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
     "2002:7f00:1::", "64:ff9b::7f00:1", "ff02::1", "192.0.2.1", "198.18.0.1", "::7f00:1", "::ffff:8.8.8.8",
     "::ffff:0:7f00:1", "64:ff9b:1::7f00:1", "fec0::1", "5f00::1", "168.63.129.16", "192.88.99.1"],
)  # fmt: skip
def test_addresses_of_our_own_networks_are_not_public(address: str) -> None:
    assert not outbound.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["203.0.114.1", "8.8.8.8", "2400:3200::1"])
def test_addresses_of_others_are_public(address: str) -> None:
    assert outbound.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/jwks", "https://127.0.0.1/jwks", "https://[::1]/jwks", "https://localhost/jwks",
     "https://2130706433/jwks", "https://0x7f.1/jwks", "ftp://app.example/jwks", "https://user@127.0.0.1/",
     "https:///jwks", "file:///etc/passwd"],
)  # fmt: skip
async def test_no_spelling_of_this_machine_is_gone_to(url: str) -> None:
    with pytest.raises(OutboundRefused):
        await outbound.resolve(url)
