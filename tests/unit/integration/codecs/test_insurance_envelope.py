"""The insurance's envelope is what openssl and the standard's own text make of the same words."""

import base64
import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from integration.codecs import insurance_envelope as envelope
from integration.codecs.insurance_envelope import EnvelopeRefused, Party
from tests.factories.sm2 import Signer

APP_ID = "43AF047BBA47FC8A1AE8EFB2D2C2B3A4"
SECRET = "4117E877F5FA0A0188891283E4B617D5"
OURS, CENTRES = Signer(0x1234567890ABCDEF), Signer(0xFEDCBA0987654321)
STAMP = "20261125120000"


def party(ours: Signer = OURS, other: Signer = CENTRES) -> Party:
    return Party(APP_ID, SECRET, ours.private.to_bytes(32), ours.public, other.public)


def by_hand(signer: Signer, text: str) -> str:
    r, s = decode_dss_signature(base64.b64decode(signer.sign(text.encode())))
    return base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()


def openssl(key: bytes, content: bytes, *, opens: bool) -> bytes:
    command = ["openssl", "enc", "-sm4-ecb", "-d" if opens else "-e", "-K", key.hex()]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def message(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return envelope.seal(party(CENTRES, OURS), data, timestamp=STAMP, outer={"code": 0, "message": "成功"}) | changes


def test_what_is_signed_is_in_order_without_what_is_empty() -> None:
    data = {"userName": "陈测试", "b": {"z": "", "y": "1"}, "a": [{"d": "2", "c": "3"}, {}], "none": None, "e": []}
    whole = {"version": "2.0.1", "appId": "A1", "encType": "SM4", "data": data, "signData": "x", "extra": "y", "z": ""}
    assert envelope.text_to_sign(whole, "S1") == (
        'appId=A1&data={"a":[{"c":"3","d":"2"}],"b":{"y":"1"},"userName":"陈测试"}&encType=SM4&version=2.0.1&key=S1'
    )


def test_a_number_in_the_data_is_signed_as_text_or_as_it_was_written() -> None:
    read = json.loads('{"data": {"n": 12.50, "t": true}, "code": 0}', parse_float=envelope.Number)
    assert envelope.text_to_sign(read, "S") == 'code=0&data={"n":"12.50","t":"true"}&key=S'
    assert envelope.text_to_sign(read, "S", bare=True) == 'code=0&data={"n":12.50,"t":true}&key=S'


def test_the_sealing_is_what_openssl_makes_of_it() -> None:
    first = openssl(APP_ID[:16].encode(), SECRET.encode(), opens=False)
    key = first.hex().upper()[:16].encode()
    assert envelope.sealing_key(party()) == key
    sealed = envelope.seal(party(), {"userName": "陈测试"}, timestamp=STAMP)
    assert sealed["encData"] == sealed["encData"].upper()
    assert openssl(key, bytes.fromhex(sealed["encData"]), opens=True) == '{"userName":"陈测试"}'.encode()
    assert "陈" not in json.dumps(sealed, ensure_ascii=False)
    assert set(sealed) == {"appId", "encType", "signType", "version", "timestamp", "signData", "encData"}


def test_signatures_hold_against_one_made_from_the_standards_text() -> None:
    sealed = envelope.seal(party(), {"payOrdId": "ORD1"}, timestamp=STAMP)
    fields = (f"appId={APP_ID}", 'data={"payOrdId":"ORD1"}', "encType=SM4", "signType=SM2", f"timestamp={STAMP}")
    words = "&".join((*fields, "version=2.0.1", f"key={SECRET}"))
    assert len(base64.b64decode(sealed["signData"])) == 64
    assert envelope.verify(party(other=OURS), words, sealed["signData"])
    assert envelope.verify(party(), words, by_hand(CENTRES, words))
    assert not envelope.verify(party(), words, by_hand(OURS, words))
    assert not envelope.verify(party(), f"{words} ", by_hand(CENTRES, words))


def test_who_is_named_in_a_signature_is_agreed_upon() -> None:
    ours, theirs = replace(party(), signer=SECRET.encode()), replace(party(CENTRES, OURS), signer=SECRET.encode())
    body = json.dumps(envelope.seal(theirs, {"a": "1"}, timestamp=STAMP)).encode()
    assert envelope.read(ours, body)[1] == {"a": "1"}
    with pytest.raises(EnvelopeRefused, match="bad_signature"):
        envelope.read(party(), body)


@pytest.mark.parametrize("bare", [False, True])
def test_an_answer_with_numbers_is_read_whichever_way_it_was_signed(*, bare: bool) -> None:
    sealed = message({"success": True, "n": 3})
    words = {name: value for name, value in sealed.items() if name != "encData"} | {"data": {"success": True, "n": 3}}
    sealed["signData"] = by_hand(CENTRES, envelope.text_to_sign(words, SECRET, bare=bare))
    outer, data = envelope.read(party(), json.dumps(sealed, ensure_ascii=False).encode())
    assert (outer["code"], data) == ("0", {"success": True, "n": "3"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": 1}, "bad_signature"),
        ({"message": "失败"}, "bad_signature"),
        ({"timestamp": "20261125120001"}, "bad_signature"),
        ({"signData": ""}, "bad_signature"),
        ({"signData": "!"}, "bad_signature"),
        ({"encData": ""}, "bad_signature"),
        ({"encData": "00"}, "cannot_open"),
        ({"encData": "x"}, "cannot_open"),
        ({"appId": "another"}, "not_for_us"),
        ({"signType": "MD5"}, "not_for_us"),
        ({"encType": "plain"}, "not_for_us"),
    ],
)
def test_what_was_altered_is_refused(changes: dict[str, Any], reason: str) -> None:
    body = json.dumps(message({"ordStas": "6"}, **changes), ensure_ascii=False).encode()
    with pytest.raises(EnvelopeRefused) as refused:
        envelope.read(party(), body)
    assert refused.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(EnvelopeRefused, match="malformed"):
        envelope.read(party(), body)


@pytest.mark.parametrize("text", ["", "AAAA", "!", base64.b64encode(b"\x01" * 33).decode()])
def test_what_is_no_key_is_refused(text: str) -> None:
    for read in (envelope.read_private_key, envelope.read_public_key):
        with pytest.raises(ValueError, match=r"key|base64|padding|Only"):
            read(text)


def test_keys_are_read_as_they_are_handed_out() -> None:
    private, public = OURS.private.to_bytes(32), OURS.public
    assert envelope.read_private_key(base64.b64encode(b"\0" + private).decode()) == private
    for raw in (public, b"\x04" + public):
        assert envelope.read_public_key(base64.b64encode(raw).decode()) == public
    with pytest.raises(ValueError, match="curve"):
        envelope.read_public_key(base64.b64encode(b"\x01" * 64).decode())


def test_secrets_are_in_no_representation() -> None:
    shown = repr(party())
    assert SECRET not in shown
    assert repr(OURS.private.to_bytes(32)) not in shown
