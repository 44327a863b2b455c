"""Client applications and staff as an authorization server knows them."""

import base64
from dataclasses import dataclass
from typing import Any

import httpx

from kernel.db import Database
from oauth.clients import secret_hash

SECRET = "correct horse battery staple"


@dataclass(frozen=True)
class RegisteredClient:
    """A client application with the secret that it was given."""

    id: str
    secret: str
    scopes: tuple[str, ...]

    @property
    def basic(self) -> httpx.Headers:
        """How it proves who it is by HTTP Basic."""
        return basic(self.id, self.secret)


def basic(client_id: str, secret: str) -> httpx.Headers:
    """Write the header of HTTP Basic (RFC 7617)."""
    return authorization("Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode())


def authorization(value: str) -> httpx.Headers:
    """Write a header whose name no one need spell in one case, as HTTP has it."""
    return httpx.Headers({"Authorization": value})


async def register_client(
    db: Database,
    *,
    client_id: str = "portal-app",
    secret: str = SECRET,
    kind: str = "partner",
    scopes: tuple[str, ...] = ("slots.read", "appointments.write"),
    status: str = "active",
    **columns: Any,
) -> RegisteredClient:
    """Register a client application, with further columns of its row where a test wants them."""
    await db.execute("INSERT INTO channel VALUES ('portal', 'c', 'c') ON CONFLICT DO NOTHING")
    row = {"id": client_id, "name": "n", "kind": kind, "channel": "portal", "scopes": list(scopes), "status": status}
    row |= columns
    await db.execute(
        f"INSERT INTO oauth_client ({', '.join(row)}) VALUES ({', '.join(f'${n + 1}' for n in range(len(row)))})",
        *row.values(),
    )
    if columns.get("auth_method", "client_secret_basic") in ("client_secret_basic", "client_secret_post"):
        await db.execute(
            "INSERT INTO oauth_client_secret (client_id, hash) VALUES ($1, $2)",
            client_id,
            secret_hash(client_id, secret),
        )
    return RegisteredClient(client_id, secret, scopes)
