import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from payments.gateways.alipay.keys import ALIPAY_PUBLIC_KEY, PRIVATE_KEY, load_keys
from payments.gateways.alipay.signing import load_private_key, load_public_key, sign, signed_content
from payments.gateways.alipay.wire import read_answer
from payments.gateways.errors import ChannelUnavailable
from payments.gateways.references import KeyStore, KeyUnusable

KEY = rsa.generate_private_key(65537, 2048)
METHOD = "alipay.trade.query"


def answer(content: str, *, signature: str | None = None, name: str = "alipay_trade_query_response") -> bytes:
    signature = signature if signature is not None else sign(KEY, content.encode())
    return f'{{"{name}":{content},"sign":"{signature}"}}'.encode()


def private_der(encoding: PrivateFormat) -> str:
    return base64.b64encode(KEY.private_bytes(Encoding.DER, encoding, NoEncryption())).decode()


def public_text(encoding: Encoding) -> str:
    data = KEY.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return data.decode() if encoding is Encoding.PEM else base64.b64encode(data).decode()


def test_the_bytes_that_were_signed_are_the_bytes_that_count() -> None:
    for content in ('{"code":"10000","a":"中文"}', '{ "code" : "10000",\n "b": {"c": "}\\"{"} }', "{}"):
        assert read_answer(answer(content), method=METHOD, key=KEY.public_key()) == json.loads(content)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        answer('{"code":"10000"}', signature=""),
        answer('{"code":"10000"}', name="alipay_trade_close_response"),
        answer('{"code":"10000"}').replace(b"10000", b"10001"),
        answer('{"code":"10000"}').replace(b'"code":', b'"code": '),
        b'{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}',
        # One object is signed, and another of the same name would be read.
        answer('{"code":"10000"}')[:-1] + b',"alipay_trade_query_response":{"code":"10000","trade_status":"x"}}',
    ],
)
def test_anything_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(ChannelUnavailable):
        read_answer(body, method=METHOD, key=KEY.public_key())


def test_keys_are_read_as_alipay_hands_them_out() -> None:
    numbers = KEY.private_numbers()
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert load_private_key(private_der(form)).private_numbers() == numbers
        pem = KEY.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
        assert load_private_key(pem).private_numbers() == numbers
    for encoding in (Encoding.PEM, Encoding.DER):
        assert load_public_key(public_text(encoding) + "\n").public_numbers() == numbers.public_numbers


def test_keys_that_rsa2_cannot_use_are_refused() -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  it is to be refused
    curve = ec.generate_private_key(ec.SECP256R1())
    for key in (short, curve):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        with pytest.raises(KeyUnusable):
            load_private_key(pem)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        with pytest.raises(KeyUnusable):
            load_public_key(public)
    for nonsense in ("", "!", "AAAA", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"):
        with pytest.raises(KeyUnusable):
            load_private_key(nonsense)
        with pytest.raises(KeyUnusable):
            load_public_key(nonsense)


def test_keys_lie_where_their_references_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.pem").write_text(private_der(PrivateFormat.PKCS8))
    monkeypatch.setenv("OF_ALIPAY", public_text(Encoding.DER))
    good = {PRIVATE_KEY: "file:app.pem", ALIPAY_PUBLIC_KEY: "env:OF_ALIPAY"}
    assert load_keys(KeyStore(tmp_path), good).private.private_numbers() == KEY.private_numbers()
    for wrong in ("", "app.pem", "file:absent.pem", "file:../app.pem", "file:/etc/passwd", "env:ABSENT", "http://x"):
        with pytest.raises(KeyUnusable, match=PRIVATE_KEY):
            load_keys(KeyStore(tmp_path), good | {PRIVATE_KEY: wrong})


def test_what_is_signed_leaves_out_what_is_empty() -> None:
    content = signed_content({"b": "2", "a": "1&x=y", "empty": "", "sign": "s"}, without=frozenset({"sign"}))
    assert content == b"a=1&x=y&b=2"
