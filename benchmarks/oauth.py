"""`./hospital bench oauth`: how fast tokens are issued, checked and asked about, beside npm's oidc-provider.

One web process of ours and one of the peer answer the same requests by the same load, in turns: client_credentials by
secret and by private_key_jwt (ES256), for ES256 JWT access tokens for one resource. Ours keeps used identifiers in
PostgreSQL; the peer keeps everything in memory. The peer introspects no JWT, so introspection is ours alone. The bare
echo of our own process tells what HTTP costs.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import urlencode

import asyncpg
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks.booking import machine, prepare, temporary
from benchmarks.load import Outcome, render_request, run_load
from benchmarks.servers import ServerFailedError, Servers, databases, log_end, process, python_module, web_environment
from kernel.crypto import load_cipher
from kernel.db import open_database
from oauth import keys, tokens
from oauth.clients import secret_hash
from oauth.watch import watching
from open_api.authentication import authenticate
from runtime.embedded import ports

PEER_FILES: Final = Path(__file__).parent / "oidc_provider"
SECRET_CLIENT, KEYED_CLIENT = "bench-secret", "bench-keyed"
SCOPE: Final = "catalogue.read slots.read"
CHECKS: Final = 20_000
INSTALL_SECONDS_MAX: Final = 300
ASSERTIONS_PER_SECOND: Final = 5_000
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")


class PeerUnavailableError(Exception):
    """Npm's oidc-provider is not to be had here; the text says why in plain words."""


class WrongAnswersError(Exception):
    """A server answered otherwise than with success, so its figures would mean nothing."""


@dataclass(frozen=True)
class Server:
    """A server under measurement: where it is, and by which paths.

    introspection_path: None where JWT access tokens cannot be introspected, as at the peer.
    """

    name: str
    port: int
    token_path: str
    introspection_path: str | None

    @property
    def issuer(self) -> str:
        """Its public address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Rates:
    """Answers per second of each round, by what was asked."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, outcome: Outcome) -> None:
        """Keep one round.

        Raises:
            WrongAnswersError: something else than success was answered.
        """
        if set(outcome.statuses) - {200} or not outcome.answered:
            raise WrongAnswersError(f"{what}: {dict(outcome.statuses)}")
        self.of.setdefault(what, []).append(outcome.rate)

    def medians(self) -> dict[str, float]:
        """Give the median of each."""
        return {what: round(statistics.median(rates), 1) for what, rates in self.of.items()}


@dataclass
class Bench:
    """The credentials that both servers know, and how long each segment lasts."""

    options: argparse.Namespace
    secret: str
    key: ECKey
    rates: Rates = field(default_factory=Rates)

    def round(self, server: Server) -> None:
        """Ask one server for tokens in both ways, and about a token."""
        basic = base64.b64encode(f"{SECRET_CLIENT}:{self.secret}".encode()).decode()
        proof = ("Authorization", f"Basic {basic}")
        grant = urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        by_secret = self._post(server, server.token_path, grant, proof)
        self._load(server, "secret", [by_secret], repeat=True)
        if server.introspection_path is not None:
            token = self._one_token(server, grant, basic)
            about = self._post(server, server.introspection_path, urlencode({"token": token}).encode(), proof)
            self._load(server, "introspection", [about], repeat=True)
        # Each is good once, so there are as many as could be answered.
        count = int(ASSERTIONS_PER_SECOND * (self.options.seconds + 0.5))
        self._load(server, "private_key_jwt", [self._keyed(server) for _ in range(count)], repeat=False)

    def _one_token(self, server: Server, grant: bytes, basic: str) -> str:
        headers = dict([FORM, ("Authorization", f"Basic {basic}")])
        address = server.issuer + server.token_path
        request = urllib.request.Request(address, data=grant, headers=headers)  # noqa: S310  a server of the bench
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  likewise
            return str(json.load(answer)["access_token"])

    def echo(self, server: Server) -> None:
        """Ask our process for the bare echo."""
        body = b'{"grant_type":"client_credentials","scope":"catalogue.read slots.read"}'
        bare = self._post(server, "/echo", body, ("Content-Type", "application/json"))
        self._load(server, "echo", [bare], repeat=True)

    def _post(self, server: Server, path: str, body: bytes, *headers: tuple[str, str]) -> bytes:
        return render_request("POST", path, host=f"127.0.0.1:{server.port}", headers=[FORM, *headers], body=body)

    def _keyed(self, server: Server) -> bytes:
        now = int(time.time())
        audience = server.issuer + server.token_path
        claims = {
            "iss": KEYED_CLIENT, "sub": KEYED_CLIENT, "aud": audience, "jti": uuid.uuid4().hex, "iat": now,
            "exp": now + 290,
        }  # fmt: skip
        statement = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])
        form = {
            "grant_type": "client_credentials", "scope": SCOPE, "client_id": KEYED_CLIENT,
            "client_assertion_type": ASSERTION_TYPE, "client_assertion": statement,
        }  # fmt: skip
        return self._post(server, server.token_path, urlencode(form).encode())

    def _load(self, server: Server, what: str, requests: list[bytes], *, repeat: bool) -> None:
        outcome = run_load(
            ("127.0.0.1", server.port),
            requests,
            connections=self.options.connections,
            seconds=self.options.seconds,
            warmup_seconds=0.3,
            repeat=repeat,
        )
        self.rates.add(f"{server.name} {what}", outcome)
        say(f"{server.name} {what}: {outcome.rate:,.0f}/s")


def say(sentence: str) -> None:
    """Tell how far it is, beside what is printed for machines."""
    print(sentence, file=sys.stderr, flush=True)


async def register(admin_url: str, bench: Bench) -> None:
    """Register the two clients of the measurement."""
    connection = await asyncpg.connect(admin_url)
    insert = (
        "INSERT INTO oauth_client (id, name, kind, channel, scopes, auth_method, jwks)"
        " VALUES ($1, 'bench', 'partner', 'bench', $2, $3, $4)"
    )
    jwks = json.dumps({"keys": [bench.key.as_dict(private=False)]})
    try:
        await connection.execute("INSERT INTO channel VALUES ('bench', 'b', 'b')")
        await connection.execute(insert, SECRET_CLIENT, SCOPE.split(), "client_secret_basic", None)
        await connection.execute(insert, KEYED_CLIENT, SCOPE.split(), "private_key_jwt", jwks)
        await connection.execute(
            "INSERT INTO oauth_client_secret (client_id, hash) VALUES ($1, $2)",
            SECRET_CLIENT,
            secret_hash(SECRET_CLIENT, bench.secret),
        )
    finally:
        await connection.close()


async def check_microseconds(database_url: str, folder: Path) -> float:
    """Measure what the guard's check of a token that it has seen before adds to a request, revocation and all."""
    keys.load_signing_keys(folder)
    tokens.set_issuer("http://127.0.0.1")
    opened = await open_database(database_url)
    try:
        async with watching():
            token = tokens.issue(SECRET_CLIENT, frozenset(SCOPE.split()))[0]
            request = cast(Any, SimpleNamespace(headers={"authorization": f"Bearer {token}"}))
            audience = tokens.open_api_audience()
            await authenticate(request, audience=audience)
            began = time.perf_counter()
            for number in range(CHECKS):
                await authenticate(request, audience=audience)
                if number % 500 == 0:
                    # The watch must have its turn, as it has between requests.
                    await asyncio.sleep(0)
            return (time.perf_counter() - began) / CHECKS * 1e6
    finally:
        await opened.close()


@contextmanager
def running_peer(servers: Servers, cache: Path, bench: Bench) -> Iterator[Server]:
    """Install the pinned peer and run one process of it until the block ends.

    Raises:
        PeerUnavailableError: no node, no npm, or a package that does not install.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerUnavailableError("node and npm are not on this machine")
    home = cache / "oidc-provider"
    home.mkdir(parents=True, exist_ok=True)
    for path in PEER_FILES.iterdir():
        shutil.copy(path, home / path.name)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"],
        cwd=home, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX,
    )  # fmt: skip
    if done.returncode != 0:
        raise PeerUnavailableError(f"npm could not install it: {done.stderr.strip()[-300:]}")
    signing = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}).as_dict(private=True)
    settings = {
        "secretClient": SECRET_CLIENT,
        "secret": bench.secret,
        "keyedClient": KEYED_CLIENT,
        "clientKeys": {"keys": [bench.key.as_dict(private=False)]},
        "signingKeys": {"keys": [signing]},
        "scope": SCOPE,
    }
    port = ports.any_free("127.0.0.1")
    given = home / "settings.json"
    given.write_text(json.dumps(settings))
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "NODE_ENV": "production"}
    log = servers.folder.log_of("oidc-provider")
    argv = ["/bin/sh", "-c", 'exec "$0" server.mjs "$1" < settings.json', node, str(port)]
    try:
        with process("oidc-provider", argv, environment=environment, log=log, port=port, cwd=home):
            yield Server("oidc-provider", port, "/token", None)
    except ServerFailedError as error:
        raise PeerUnavailableError(str(error)) from error


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure both servers in turns, and give the figures.

    Raises:
        ServerFailedError, WrongAnswersError: the measurement makes no sense here; the text says why.
    """
    cache = Path(os.environ.get("DATA_DIR", ".data")).absolute() / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, secrets.token_urlsafe(32), ECKey.generate_key("P-256", {"kid": "bench", "alg": "ES256"}))
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root))
        database_url, admin_url = asyncio.run(prepare(servers))
        load_cipher(servers.folder.keys)
        asyncio.run(register(admin_url, bench))
        port = ports.any_free("127.0.0.1")
        log = servers.folder.log_of("web")
        environment = web_environment(servers, database_url=database_url, port=port)
        stack.enter_context(process("web", python_module("runtime.web"), environment=environment, log=log, port=port))
        ours = Server("hospital", port, "/oauth/token", "/oauth/introspect")
        peer, without = _peer(stack, servers, cache, bench, skip=options.skip_peer)
        try:
            for _ in range(options.rounds):
                bench.echo(ours)
                for server in (ours, peer) if peer else (ours,):
                    bench.round(server)
        except WrongAnswersError as error:
            raise WrongAnswersError(f"{error}\n{log_end(log)}") from error
        check = asyncio.run(check_microseconds(database_url, servers.folder.keys))
    rates = bench.rates.medians()
    ratios = {
        what: round(rates[f"hospital {what}"] / rates[f"oidc-provider {what}"], 2)
        for what in ("secret", "private_key_jwt")
        if f"oidc-provider {what}" in rates
    }
    return {
        "rates": rates, "ratios": ratios, "check_microseconds": round(check, 1), "peer": without, "machine": machine(),
    }  # fmt: skip


def _peer(
    stack: ExitStack, servers: Servers, cache: Path, bench: Bench, *, skip: bool
) -> tuple[Server | None, str | None]:
    if skip:
        return None, "skipped"
    try:
        return stack.enter_context(running_peer(servers, cache, bench)), None
    except PeerUnavailableError as error:
        say(f"The peer is not measured: {error}")
        return None, str(error)


def table(figures: dict[str, Any]) -> str:
    """The figures for a person."""
    lines = [f"{what:<34}{rate:>10,.0f}/s" for what, rate in figures["rates"].items()]
    lines += [f"{'ours / oidc-provider, ' + what:<34}{ratio:>10.2f}" for what, ratio in figures["ratios"].items()]
    lines.append(f"{'a cached token check adds':<34}{figures['check_microseconds']:>10.1f} us")
    if figures["peer"]:
        lines.append(f"oidc-provider: {figures['peer']}")
    return "\n".join(lines)


def main() -> int:
    """Measure issuing, checking and introspecting tokens on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench oauth", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="length of each measured segment")
    parser.add_argument("--rounds", type=int, default=5, metavar="R", help="interleaved rounds (default 5)")
    parser.add_argument("--connections", type=int, default=32, metavar="C", help="callers at a time (default 32)")
    parser.add_argument("--skip-peer", action="store_true", help="do not measure oidc-provider beside it")
    options = parser.parse_args()
    try:
        figures = run(options)
    except (ServerFailedError, WrongAnswersError) as error:
        say(f"bench oauth: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
