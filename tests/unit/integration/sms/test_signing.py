"""Signatures as Tencent Cloud's documentation works them out (Signature v3, DescribeInstances of 2019-02-25)."""

from datetime import UTC, datetime

import pytest

from integration.emulators.sms.errors import WireError
from integration.emulators.sms.signatures import require_signature
from integration.sms.signing import Key, authorize

AT = datetime.fromtimestamp(1551113065, UTC)
BODY = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
HEADERS = {"Content-Type": "application/json; charset=utf-8", "Host": "cvm.tencentcloudapi.com"}
ACTION = {"X-TC-Action": "DescribeInstances"}

KEY = Key("AKIDofTheTests", "0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    ("secret", "headers", "signed", "signature"),
    [
        # The documentation of 2020, which signs two headers, and the present one, which signs the action too and shows
        # its secret as 32 stars.
        (
            "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
            HEADERS,
            "content-type;host",
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        ),
        (
            "*" * 32,
            ACTION | HEADERS,
            "content-type;host;x-tc-action",
            "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
        ),
    ],
)
def test_a_signature_is_the_published_one(secret: str, headers: dict[str, str], signed: str, signature: str) -> None:
    told = authorize(Key("AKIDEXAMPLE", secret), service="cvm", headers=headers, body=BODY, at=AT)
    assert told == (
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request,"
        f" SignedHeaders={signed}, Signature={signature}"
    )


def test_the_day_is_that_of_utc_whatever_the_clock_on_the_wall_says() -> None:
    in_guangzhou = datetime.fromisoformat("2019-02-26T00:44:25+08:00")
    key = Key("AKIDEXAMPLE", "*" * 32)
    told = {authorize(key, service="cvm", headers=HEADERS, body=BODY, at=at) for at in (AT, in_guangzhou)}
    assert len(told) == 1
    assert "/2019-02-25/" in told.pop()


def test_a_key_is_never_shown() -> None:
    assert KEY.id not in repr(KEY)
    assert KEY.secret not in repr(KEY)


def sent(**changes: str) -> dict[str, str]:
    headers = {"content-type": "application/json; charset=utf-8", "host": "h", "x-tc-action": "SendSms"}
    authorization = authorize(KEY, service="sms", headers=headers, body=b"{}", at=AT)
    return headers | {"authorization": authorization, "x-tc-timestamp": str(int(AT.timestamp()))} | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"authorization": "Bearer x"}, "AuthFailure.InvalidAuthorization"),
        ({"authorization": ""}, "AuthFailure.InvalidAuthorization"),
        ({"x-tc-timestamp": "soon"}, "AuthFailure.InvalidAuthorization"),
        ({"x-tc-timestamp": "1551113366"}, "AuthFailure.SignatureExpire"),
        ({"x-tc-timestamp": "1551113064"}, "AuthFailure.SignatureFailure"),
        ({"x-tc-action": "PullSmsSendStatus"}, "AuthFailure.SignatureFailure"),
        ({"host": "elsewhere"}, "AuthFailure.SignatureFailure"),
    ],
)
def test_the_emulated_gateway_believes_no_other_call(changes: dict[str, str], code: str) -> None:
    require_signature(sent(), b"{}", secret_id=KEY.id, secret_key=KEY.secret, now=AT)
    with pytest.raises(WireError, match=code):
        require_signature(sent(**changes), b"{}", secret_id=KEY.id, secret_key=KEY.secret, now=AT)


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        (b"{} ", KEY, "AuthFailure.SignatureFailure"),
        (b"{}", Key(KEY.id, "f" * 32), "AuthFailure.SignatureFailure"),
        (b"{}", Key("AKIDofNobody", KEY.secret), "AuthFailure.SecretIdNotFound"),
    ],
)
def test_the_emulated_gateway_knows_body_and_key(body: bytes, key: Key, code: str) -> None:
    with pytest.raises(WireError, match=code):
        require_signature(sent(), body, secret_id=key.id, secret_key=key.secret, now=AT)
