"""What claims to be the channel's and is not: refused with a reason, and nobody is called."""

import asyncio
import json
import subprocess
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from kernel import clock
from kernel.db import Database
from kernel.secrets import Secrets
from payments.channel_certificates import DatabaseShelf, renew_certificates
from payments.gateways.errors import NotificationRefused
from payments.gateways.port import ChannelCode
from payments.gateways.wechatpay.gateway import WechatPayGateway
from payments.merchants import Gateways, save_merchant, set_gateways
from tests.factories.payments import CASHIER
from tests.factories.wechatpay import Emulator, Listener, Received, payment_request, until

NewNumber = Callable[[], str]


@pytest.fixture
async def notification(
    gateway: WechatPayGateway, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> Received:
    """A true one."""
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    await listener.wait_for(1)
    return listener.came[0]


class Forger:
    """Somebody who signs as the channel does, with the channel's key or another."""

    def __init__(self, emulator: Emulator, *, own_key: bool = False) -> None:
        self.serial = (emulator.own_dir / "signing_key_id").read_text(encoding="ascii").strip()
        key = load_pem_private_key((emulator.own_dir / "signing_key.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = rsa.generate_private_key(65537, 2048) if own_key else key
        self.apiv3_key = (emulator.our_keys / "apiv3_key").read_text(encoding="ascii").strip()

    def headers(self, body: bytes, *, age: timedelta = timedelta(0), **changed: str) -> dict[str, str]:
        timestamp = str(int((clock.machine_now() - age).timestamp()))
        signature = self.key.sign(f"{timestamp}\nnonce\n".encode() + body + b"\n", PKCS1v15(), SHA256())
        return {
            "wechatpay-timestamp": timestamp,
            "wechatpay-nonce": "nonce",
            "wechatpay-serial": self.serial,
            "wechatpay-signature": b64encode(signature).decode(),
            "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        } | {f"wechatpay-{name.replace('_', '-')}": value for name, value in changed.items()}

    def body(self, resource: object, *, key: str | None = None, **changed: object) -> bytes:
        sealed = AESGCM((key or self.apiv3_key).encode()).encrypt(b"nonce-of-12-", json.dumps(resource).encode(), b"x")
        envelope: dict[str, Any] = {
            "id": "EV-1",
            "event_type": "TRANSACTION.SUCCESS",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": "nonce-of-12-",
                "associated_data": "x",
                "ciphertext": b64encode(sealed).decode(),
            },
        }
        return json.dumps(envelope | changed).encode()


def reason_of(gateway: WechatPayGateway, headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(NotificationRefused) as refused:
        gateway.read_notification(headers, body, now=clock.machine_now())
    return refused.value.reason


def test_a_true_notification_is_believed_until_it_is_stale(gateway: WechatPayGateway, notification: Received) -> None:
    now = clock.machine_now()
    first = gateway.read_notification(notification.headers, notification.body, now=now)
    # The same one again is the same event: the inbox keeps that it counts once.
    again = gateway.read_notification(notification.headers, notification.body, now=now + timedelta(minutes=4))
    assert first == again
    for late in (timedelta(minutes=6), timedelta(days=365), timedelta(minutes=-6)):
        with pytest.raises(NotificationRefused, match="stale"):
            gateway.read_notification(notification.headers, notification.body, now=now + late)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"wechatpay-signature": None}, "unsigned"),
        ({"wechatpay-timestamp": None}, "unsigned"),
        ({"wechatpay-nonce": None}, "unsigned"),
        ({"wechatpay-serial": None}, "unsigned"),
        ({"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"}, "signature_type"),
        ({"wechatpay-signature": "WECHATPAY/SIGNTEST/AAAA"}, "probing_signature"),
        ({"wechatpay-serial": "PUB_KEY_ID_0119000001092024000000000000"}, "unknown_serial"),
        ({"wechatpay-serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"}, "unknown_serial"),
        ({"wechatpay-timestamp": "now"}, "stale"),
        ({"wechatpay-timestamp": "9" * 40}, "stale"),
        ({"wechatpay-nonce": "another"}, "bad_signature"),
        ({"wechatpay-nonce": "n" * 100_000}, "bad_signature"),
        ({"wechatpay-signature": "not base64!"}, "bad_signature"),
        ({"wechatpay-signature": b64encode(b"x" * 256).decode()}, "bad_signature"),
        ({"wechatpay-signature": "A" * 100_000}, "bad_signature"),
    ],
)
def test_a_changed_header_is_refused(
    gateway: WechatPayGateway, notification: Received, changed: dict[str, str | None], reason: str
) -> None:
    headers = {name: value for name, value in (notification.headers | changed).items() if value is not None}
    assert reason_of(gateway, headers, notification.body) == reason


def test_a_changed_body_is_refused(gateway: WechatPayGateway, notification: Received) -> None:
    assert reason_of(gateway, notification.headers, notification.body + b" ") == "bad_signature"
    assert reason_of(gateway, notification.headers, b"") == "bad_signature"
    assert reason_of(gateway, notification.headers, b"x" * (64 * 1024 + 1)) == "too_large"


def test_a_missing_signature_type_is_no_reason_to_refuse(gateway: WechatPayGateway, notification: Received) -> None:
    headers = {name: value for name, value in notification.headers.items() if name != "wechatpay-signature-type"}
    assert gateway.read_notification(headers, notification.body, now=clock.machine_now()).fact is not None


def test_somebody_elses_key_is_refused(gateway: WechatPayGateway, emulator: Emulator) -> None:
    forger = Forger(emulator, own_key=True)
    body = forger.body({})
    assert reason_of(gateway, forger.headers(body), body) == "bad_signature"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"<xml><!DOCTYPE x [<!ENTITY a 'aaaa'>]>&a;</xml>", "malformed"),
        (b"[" * 30_000, "too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
        (b'{"id": "EV-1"}', "malformed"),
        (b'{"id": "../../x", "event_type": "TRANSACTION.SUCCESS"}', "malformed"),
        (b'{"id": "EV-1", "event_type": "TRANSACTION.SUCCESS"}', "malformed"),
        (b'{"id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource": {"algorithm": "NONE"}}', "algorithm"),
        (
            b'{"id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource": {"algorithm": "AEAD_AES_256_GCM"}}',
            "malformed",
        ),
        (b"\xff\xfe", "malformed"),
    ],
)
def test_a_signed_body_that_means_nothing_is_refused(
    gateway: WechatPayGateway, emulator: Emulator, body: bytes, reason: str
) -> None:
    assert reason_of(gateway, Forger(emulator).headers(body), body) == reason


def test_what_is_sealed_is_judged_too(gateway: WechatPayGateway, emulator: Emulator) -> None:
    forger = Forger(emulator)
    for body, reason in (
        (forger.body({}, key="k" * 32), "cannot_open"),
        (forger.body({}), "malformed"),
        (forger.body([]), "malformed"),
        (forger.body({"trade_state": "SUCCESS", "amount": {"total": 1.5}}), "malformed"),
        (forger.body([[[[[[[[[[]]]]]]]]]]), "too_deep"),
    ):
        assert reason_of(gateway, forger.headers(body), body) == reason


def test_another_kind_of_event_is_kept_without_a_fact(gateway: WechatPayGateway, emulator: Emulator) -> None:
    forger = Forger(emulator)
    body = forger.body({}, event_type="COUPON.USE")
    told = gateway.read_notification(forger.headers(body), body, now=clock.machine_now())
    assert (told.event_id, told.event_type, told.fact) == ("EV-1", "COUPON.USE", None)


def test_an_old_signature_of_the_true_key_is_refused(gateway: WechatPayGateway, emulator: Emulator) -> None:
    forger = Forger(emulator)
    body = forger.body({}, event_type="COUPON.USE")
    assert reason_of(gateway, forger.headers(body, age=timedelta(minutes=6)), body) == "stale"


async def test_nobody_is_called_for_an_unknown_serial(emulator: Emulator, listener: Listener) -> None:
    """The SDK would fetch certificates at a stranger's word; in certificate mode, too, we do not."""
    calls = []

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    gateway = emulator.gateway(urls=listener.urls, certificate_mode=True)
    gateway.client._core._gate_way = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    body = b"{}"
    for serial in ("5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "", "x" * 1000):
        headers = Forger(emulator).headers(body, serial=serial)
        assert reason_of(gateway, headers, body) == "unknown_serial"
    await asyncio.sleep(0)
    assert calls == []
    server.close()
    await server.wait_closed()


async def test_a_process_that_only_listens_believes_what_another_has_fetched(
    emulator: Emulator, listener: Listener, new_number: NewNumber, database: Database
) -> None:
    """In certificate mode the web learns the channel's certificates from PostgreSQL, and calls nobody."""
    speaks, hears = (
        emulator.gateway(urls=listener.urls, certificate_mode=True, shelf=DatabaseShelf()) for _ in range(2)
    )
    async with database.transaction() as tx:
        await save_merchant(tx, speaks.merchant, campus_id=None, actor=CASHIER)
    hears.client._core._gate_way = "http://127.0.0.1:9"
    number = new_number()
    await speaks.prepare(payment_request(number))
    emulator.pay(number)
    await listener.wait_for(1)
    came = listener.came[0]

    assert reason_of(hears, came.headers, came.body) == "unknown_serial"
    await hears.learn_keys()
    assert hears.read_notification(came.headers, came.body, now=clock.machine_now()).fact is not None

    # A stranger's serial has the shelf looked at no sooner, and what has ended is believed no more.
    before = hears._keys.trusted
    await database.execute("UPDATE channel_certificate SET expires_at = now() - interval '1 day'")
    await hears.learn_keys()
    assert hears._keys.trusted is before
    late = emulator.gateway(urls=listener.urls, certificate_mode=True, shelf=DatabaseShelf())
    await late.learn_keys()
    assert reason_of(late, came.headers, came.body) == "unknown_serial"

    set_gateways(Gateways(Secrets(emulator.keys_dir), {ChannelCode.WECHATPAY: lambda _merchant, _secrets: speaks}))
    await database.execute("DELETE FROM channel_certificate")
    assert await renew_certificates(database) == 1
    assert set(await DatabaseShelf().read(speaks.merchant.code)) == set(speaks._keys.trusted)
    set_gateways(None)
    await speaks.close_connections()


async def test_a_probing_notification_is_refused_and_comes_again_truly(
    gateway: WechatPayGateway, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.fault("notification_probe")
    listener.status = 401
    emulator.pay(number)
    await listener.wait_for(1)
    assert reason_of(gateway, listener.came[0].headers, listener.came[0].body) == "probing_signature"
    listener.status = 204
    await until(lambda: _tries(emulator, listener) == 1)
    emulator.advance(timedelta(seconds=15))
    await listener.wait_for(2)
    assert gateway.read_notification(listener.came[1].headers, listener.came[1].body, now=clock.machine_now()).fact


def _tries(emulator: Emulator, listener: Listener) -> int:
    """Count what the emulator has noted of this test's notification."""
    event_id = json.loads(listener.came[0].body)["id"]
    shown = emulator.control("GET", "/notifications")["notifications"]
    return next(int(one["tries"]) for one in shown if one["id"] == event_id)


def test_openssl_agrees_with_the_signature(emulator: Emulator, notification: Received, tmp_path: Path) -> None:
    """A third hand beside the SDK's and ours."""
    key = load_pem_private_key((emulator.own_dir / "signing_key.pem").read_bytes(), None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert public.decode() == (emulator.our_keys / "platform_public_key.pem").read_text(encoding="ascii")
    timestamp, nonce = (notification.headers[f"wechatpay-{name}"] for name in ("timestamp", "nonce"))
    (tmp_path / "message").write_bytes(f"{timestamp}\n{nonce}\n".encode() + notification.body + b"\n")
    (tmp_path / "signature.b64").write_text(notification.headers["wechatpay-signature"] + "\n", encoding="ascii")
    subprocess.run(
        ["openssl", "base64", "-d", "-A", "-in", "signature.b64", "-out", "signature"],  # noqa: S607  the system's
        cwd=tmp_path,
        check=True,
    )
    verified = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", emulator.our_keys / "platform_public_key.pem",  # noqa: S607  as above
         "-signature", "signature", "message"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.stdout.strip() == "Verified OK"
