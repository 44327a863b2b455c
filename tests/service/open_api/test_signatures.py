"""Requests of an application that has to sign: good once, for five minutes, and as they were signed."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from partners.signatures import purge_nonces, sm3, text_to_sign
from tests.factories.open_api import PREFIX, Caller, OpenApi
from tests.factories.sm2 import Signer


@dataclass
class SigningPartner:
    """A partner whose requests have to be signed."""

    caller: Caller
    signer: Signer = field(default_factory=Signer)

    def headers(self, method: str, target: str, body: bytes = b"", *, age_seconds: int = 0) -> dict[str, str]:
        timestamp, nonce, digest = str(int(time.time()) - age_seconds), secrets.token_urlsafe(16), sm3(body)
        text = text_to_sign(
            client_id=self.caller.client_id, method=method, target=PREFIX + target, digest=digest, timestamp=timestamp,
            nonce=nonce,
        )  # fmt: skip
        return {
            "Sm2-Timestamp": timestamp,
            "Sm2-Nonce": nonce,
            "Sm2-Digest": digest,
            "Sm2-Signature": self.signer.sign(text),
        }

    async def send(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str | None]:
        sent = self.caller.headers(more={"Content-Type": "application/json", **(headers or {})})
        answer = await self.caller.http.request(method, PREFIX + target, content=body, headers=sent)
        return answer.status_code, answer.json().get("code")


@pytest.fixture
async def signing(open_api: OpenApi) -> SigningPartner:
    partner = SigningPartner(await open_api.client())
    await open_api.db.execute(
        "INSERT INTO application_gate (client_id, sm2_public_key, signature_required) VALUES ($1, $2, true)",
        partner.caller.client_id,
        partner.signer.public,
    )
    return partner


async def hold_of(open_api: OpenApi, partner: SigningPartner) -> bytes:
    schedule = await open_api.hospital.schedule(seats=5)
    patient = await open_api.patient()
    await open_api.db.execute("INSERT INTO patient_access VALUES ($1, $2)", partner.caller.client_id, patient)
    return orjson.dumps({"slot_id": str(schedule.slots[0]), "patient_id": str(patient)})


async def test_a_signed_request_is_served_once(open_api: OpenApi, signing: SigningPartner) -> None:
    body = await hold_of(open_api, signing)
    headers = signing.headers("POST", "/holds", body)
    assert (await signing.send("POST", "/holds", body, headers))[0] == 201
    before = await open_api.fingerprint()
    assert await signing.send("POST", "/holds", body, headers) == (403, "gateway.signature_replayed")
    assert await open_api.fingerprint() == before


async def test_a_read_is_signed_with_its_query(signing: SigningPartner) -> None:
    target = "/search?q=%E9%AA%A8&limit=3"
    headers = signing.headers("GET", target)
    assert await signing.send("GET", "/search?q=%E9%AA%A8&limit=4", b"", headers) == (403, "gateway.signature_invalid")
    # What was not good has not used the nonce up.
    assert (await signing.send("GET", target, b"", headers))[0] == 200


async def test_what_was_not_signed_is_refused_and_changes_nothing(open_api: OpenApi, signing: SigningPartner) -> None:
    body = await hold_of(open_api, signing)
    other = body.replace(b'"', b' "', 1)
    good = signing.headers("POST", "/holds", body)
    stranger = SigningPartner(signing.caller)
    attempts: list[tuple[bytes, dict[str, Any], str]] = [
        (body, {}, "gateway.signature_required"),
        (body, {name: good[name] for name in good if name != "Sm2-Nonce"}, "gateway.signature_required"),
        (other, good, "gateway.signature_invalid"),
        (other, good | {"Sm2-Digest": sm3(other)}, "gateway.signature_invalid"),
        (body, good | {"Sm2-Nonce": "another-nonce-000000"}, "gateway.signature_invalid"),
        (body, good | {"Sm2-Nonce": "short"}, "gateway.signature_invalid"),
        (body, good | {"Sm2-Timestamp": str(int(time.time()) + 1)}, "gateway.signature_invalid"),
        (body, good | {"Sm2-Timestamp": "99999999999999"}, "gateway.signature_invalid"),
        (body, good | {"Sm2-Signature": "AAAA"}, "gateway.signature_invalid"),
        (body, signing.headers("PUT", "/holds", body), "gateway.signature_invalid"),
        (body, signing.headers("POST", "/appointments", body), "gateway.signature_invalid"),
        (body, signing.headers("POST", "/holds", body, age_seconds=310), "gateway.signature_invalid"),
        (body, signing.headers("POST", "/holds", body, age_seconds=-310), "gateway.signature_invalid"),
        (body, stranger.headers("POST", "/holds", body), "gateway.signature_invalid"),
    ]
    before = await open_api.fingerprint()
    for sent, headers, code in attempts:
        assert await signing.send("POST", "/holds", sent, headers) == (403, code), headers
    assert await open_api.fingerprint() == before


async def test_nonces_are_forgotten_when_their_requests_are_too_old(open_api: OpenApi, signing: SigningPartner) -> None:
    assert (await signing.send("GET", "/campuses", b"", signing.headers("GET", "/campuses")))[0] == 200
    assert await purge_nonces() == 0
    await open_api.db.execute("UPDATE request_nonce SET expires_at = now() - interval '1 second'")
    assert await purge_nonces() == 1
