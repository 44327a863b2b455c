"""Webhook signatures: those of the platform and of an independent library are taken, everything else is not."""

import base64
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from hospital_openapi import WebhookRefused, verify_webhook
from partners.webhooks import signing

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in range(3))
NOW = 1_800_000_000
BODY = json.dumps({"type": "appointment.cancelled", "data": {"subject_id": "1"}}).encode()


def signed(*secrets: str, at: int = NOW, body: bytes = BODY, name: str = "msg_1") -> dict[str, str]:
    """The headers of a message as the standard's own library signs it, by each of the secrets."""
    instant = datetime.fromtimestamp(at, UTC)
    signatures = [Webhook(secret).sign(name, instant, body.decode()) for secret in secrets]
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}


def test_the_librarys_signature_is_taken() -> None:
    assert verify_webhook(BODY, signed(OLD), OLD, now=NOW) == json.loads(BODY)


def test_the_platforms_signature_is_taken() -> None:
    keys = [signing.key_of(NEW), signing.key_of(OLD)]
    headers = dict(signing.headers("msg_2", BODY, keys=keys, at=datetime.fromtimestamp(NOW, UTC)))
    for secrets in ([OLD], [NEW], [OTHER, OLD]):
        assert verify_webhook(BODY, headers, secrets, now=NOW) == json.loads(BODY)


def test_headers_are_found_in_any_case() -> None:
    headers = {name.title(): value for name, value in signed(OLD).items()}
    assert verify_webhook(BODY, headers, OLD, now=NOW)["type"] == "appointment.cancelled"


@pytest.mark.parametrize("skew", [-300, 300])
def test_five_minutes_of_skew_are_borne(skew: int) -> None:
    assert verify_webhook(BODY, signed(OLD, at=NOW + skew), OLD, now=NOW)


@pytest.mark.parametrize("skew", [-301, 301])
def test_more_is_not(skew: int) -> None:
    with pytest.raises(WebhookRefused, match="old"):
        verify_webhook(BODY, signed(OLD, at=NOW + skew), OLD, now=NOW)


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, BODY + b" "),
        ({"webhook-id": "msg_2"}, BODY),
        ({"webhook-timestamp": str(NOW + 1)}, BODY),
        ({"webhook-timestamp": "1e9"}, BODY),
        ({"webhook-timestamp": "١٨٠٠٠٠٠٠٠٠"}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": "v1a,AAAA"}, BODY),
        ({"webhook-signature": "v1,é"}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-id": ""}, BODY),
    ],
)
def test_what_was_tampered_with_is_refused(changed: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(body, signed(OLD) | changed, OLD, now=NOW)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(missing: str) -> None:
    headers = signed(OLD)
    del headers[missing]
    with pytest.raises(WebhookRefused, match="missing"):
        verify_webhook(BODY, headers, OLD, now=NOW)


def test_another_secret_is_refused() -> None:
    with pytest.raises(WebhookRefused, match="fits"):
        verify_webhook(BODY, signed(OLD), [NEW, OTHER], now=NOW)


def test_a_signed_message_that_is_not_json_is_refused() -> None:
    with pytest.raises(WebhookRefused, match="JSON"):
        verify_webhook(b"no", signed(OLD, body=b"no"), OLD, now=NOW)


@pytest.mark.parametrize("secrets", [[], "whsec_", "whsec_%%%", [OLD] * 9])
def test_secrets_that_are_none_are_told(secrets: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(BODY, signed(OLD), secrets, now=NOW)
