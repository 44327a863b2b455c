"""The connection goes to the address that was checked, with the name where a certificate and a server want it."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.db import Database
from kernel.ids import new_id
from partners.webhooks.addresses import Policy, Resolver, Target
from partners.webhooks.errors import AddressRefused
from partners.webhooks.wire import Wire
from tests.factories.webhooks import OK, Partner, Receiver, deliveries, happen, make_sender, outcomes, send_due, status

NAME = "localhost"
HEADERS = [("webhook-id", "msg_1")]


def certificate(folder: Path, name: str) -> Path:
    """A certificate for a name, signed by itself, with its key in one file."""
    file = folder / f"{name}.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    argv += ["-keyout", str(file), "-out", str(folder / "certificate.pem")]
    subprocess.run(argv, check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "certificate.pem").read_text())
    return file


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[Receiver, ssl.SSLContext]]:
    """A receiver with TLS, and the trust in its certificate."""
    file = certificate(tmp_path, NAME)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(file)
    trust = ssl.create_default_context(cafile=str(file))
    async with Receiver().listening(ssl=serving) as receiver:
        yield receiver, trust


async def test_the_certificate_is_the_names_and_the_connection_the_addresss(
    secure: tuple[Receiver, ssl.SSLContext],
) -> None:
    receiver, trust = secure
    asked: list[str] = []

    def look_up(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    wire = Wire(Resolver(Policy(loopback=True), look_up=look_up), tls=trust)
    for _ in range(3):
        answer = await wire.post(f"https://{NAME}:{receiver.port}/x?y=1", HEADERS, b"{}")
        assert (answer.outcome, answer.status_code) == ("delivered", 204)
    assert asked == [NAME], "one connection, one look"
    assert receiver.connections == 1
    assert receiver.got[0].headers["host"] == f"{NAME}:{receiver.port}"
    wire.rest()


async def test_a_certificate_for_another_name_is_not_taken(secure: tuple[Receiver, ssl.SSLContext]) -> None:
    receiver, trust = secure
    wire = Wire(Resolver(Policy(loopback=True), look_up=lambda _host: ["127.0.0.1"]), tls=trust)
    answer = await wire.post(f"https://127.0.0.1:{receiver.port}/", HEADERS, b"{}")
    assert answer.outcome == "tls"
    untrusted = Wire(Resolver(Policy(loopback=True), look_up=lambda _host: ["127.0.0.1"]))
    answer = await untrusted.post(f"https://{NAME}:{receiver.port}/", HEADERS, b"{}")
    assert answer.outcome == "tls"
    assert receiver.got == []


class Rebinding(Policy):
    """Production, save that this machine's receiver is reached by a public name and any port."""

    def parse(self, url: str) -> Target:
        port = int(url.rpartition(":")[2].partition("/")[0])
        return Target(tls=False, host="partner.example.cn", port=port, path="/")


async def test_a_name_that_turns_inside_after_the_subscription_is_not_followed(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    """DNS rebinding: public when it is looked at, this machine when it is sent to."""
    answers = [["223.5.5.5"]]

    def look_up(_host: str) -> list[str]:
        return answers.pop(0) if answers else ["127.0.0.1"]

    resolver = Resolver(Rebinding(), look_up=look_up)
    await portal.subscribe(receiver.url, resolver=resolver)
    await happen(database, new_id(), client_id=portal.client_id)

    await send_due(database, make_sender(database, resolver=resolver))

    assert receiver.connections == 0
    assert await outcomes(database) == ["address_refused"]
    assert await deliveries(database) == [("appointment.moved", "pending", 1)]


async def test_a_name_inside_cannot_be_subscribed(database: Database, portal: Partner) -> None:
    resolver = Resolver(Policy(), look_up=lambda _host: ["192.168.0.10"])
    with pytest.raises(AddressRefused):
        await portal.subscribe("https://his.example.cn/", resolver=resolver)
    assert await database.fetchval("SELECT count(*) FROM webhook_endpoint") == 0


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    async with Receiver().listening() as inside:
        receiver.answer = lambda _message: status(307, "", f"location: {inside.url}")
        wire = Wire(Resolver(Policy(loopback=True)))
        answer = await wire.post(receiver.url, HEADERS, b"{}")
        assert (answer.outcome, answer.status_code) == ("redirected", 307)
        assert (inside.connections, receiver.connections) == (0, 1)
        wire.rest()


async def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver().listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        wire = Wire(Resolver(Policy(loopback=True)))
        assert (await wire.post(receiver.url, HEADERS, b"{}")).outcome == "delivered"
        assert (proxy.connections, receiver.connections) == (0, 1)
        wire.rest()


async def test_a_connection_that_the_receiver_has_closed_is_made_anew(receiver: Receiver) -> None:
    receiver.answer = lambda _message: status(200, "ok", "connection: close") if len(receiver.got) == 1 else OK
    wire = Wire(Resolver(Policy(loopback=True)))
    for _ in range(3):
        assert (await wire.post(receiver.url, HEADERS, b"{}")).outcome == "delivered"
    assert receiver.connections == 2
    wire.rest()


async def test_nobody_there_is_an_outcome_too(unused_tcp_port: int) -> None:
    wire = Wire(Resolver(Policy(loopback=True)))
    answer = await wire.post(f"http://127.0.0.1:{unused_tcp_port}/", HEADERS, b"{}")
    assert (answer.outcome, answer.status_code, answer.excerpt) == ("connection", None, "ConnectionRefusedError")
