"""Consents by the electronic credential's wire, against the emulator and against whoever answers otherwise."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.credential import ANSWER_BYTES_MAX, CredentialDesk, sign
from payments.gateways.references import KeyStore
from runtime.sandbox_channels import INSURANCE_CONSENT_PARTNER
from tests.factories.insurance import PERSON, Centre

REFERENCE = "file:sandbox/insurance/app_secret"
TOLD = {"code": 0, "pay_auth_no": "AUTH1", "user_name": "陈测试", "user_card_no": "44010019900101001X"}


@asynccontextmanager
async def desk_at(base_url: str, keys_dir: Path, **changes: str) -> AsyncIterator[CredentialDesk]:
    wanted = {"partner": INSURANCE_CONSENT_PARTNER, "secret_reference": REFERENCE} | changes
    desk = CredentialDesk(KeyStore(keys_dir), base_url=base_url, **wanted)
    try:
        yield desk
    finally:
        await desk.close_connections()


async def code_of_person(centre: Centre) -> str:
    told = await centre.process.ask("/consents", {"user_name": PERSON.name, "user_card_no": PERSON.document_number})
    return str(told["code"])


async def test_a_code_stands_for_one_persons_consent_once(centre: Centre) -> None:
    code = await code_of_person(centre)
    async with desk_at(centre.process.url, centre.keys_dir) as desk:
        consent = await desk.read(code, openid="o-of-the-phone")
        assert consent.insured == PERSON
        assert consent.pay_auth_no.startswith("AUTH440100")
        assert consent.pay_auth_no not in repr(consent.insured)
        with pytest.raises(ChannelRefused):
            await desk.read(code, openid=None)
        with pytest.raises(ChannelRefused):
            await desk.read("no-code-of-anybody", openid=None)


async def test_a_code_is_too_old_after_five_minutes(centre: Centre) -> None:
    code = await code_of_person(centre)
    await centre.process.advance(301)
    async with desk_at(centre.process.url, centre.keys_dir) as desk:
        with pytest.raises(ChannelRefused):
            await desk.read(code, openid=None)


async def test_a_silent_credential_leaves_the_code_good(centre: Centre) -> None:
    code = await code_of_person(centre)
    await centre.process.fault("consent_silent")
    async with desk_at(centre.process.url, centre.keys_dir) as desk:
        with pytest.raises(ChannelUnavailable):
            await desk.read(code, openid=None)
        assert (await desk.read(code, openid=None)).insured == PERSON


async def test_who_signs_with_another_secret_is_told_nothing(centre: Centre, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another secret")
    code = await code_of_person(centre)
    async with desk_at(centre.process.url, tmp_path, secret_reference="file:other") as desk:
        with pytest.raises(ChannelRefused):
            await desk.read(code, openid=None)


def test_the_signature_is_of_who_asks_and_when() -> None:
    # By `printf 200078061606000000000 | openssl dgst -sha256 -hmac secret`.
    assert sign("20007806", "secret", "1606000000000") == (
        "10fc8ab0385881eb3feee26cae9373cfd1bf94225b5df9fb917678b0367c718e"
    )


def answering(told: Any, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_request: httpx.Request) -> httpx.Response:
        if isinstance(told, bytes):
            return httpx.Response(status, content=told)
        return httpx.Response(status, json=told)

    return answer


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (TOLD, 502),
        (b"not json", 200),
        ([TOLD], 200),
        (TOLD | {"pay_auth_no": ""}, 200),
        (TOLD | {"user_name": None}, 200),
        (TOLD | {"user_card_no": "4" * 65}, 200),
        (b"x" * (ANSWER_BYTES_MAX + 1), 200),
    ],
)
async def test_what_cannot_be_understood_is_not_known(tmp_path: Path, told: Any, status: int) -> None:
    (tmp_path / "secret").write_text("secret")
    async with desk_at("http://credential.test", tmp_path, secret_reference="file:secret") as desk:
        await desk.close_connections()
        desk._client = httpx.AsyncClient(
            base_url="http://credential.test", transport=httpx.MockTransport(answering(told, status))
        )
        with pytest.raises(ChannelUnavailable):
            await desk.read("code", openid=None)


async def test_an_answer_below_data_is_understood_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    async with desk_at("http://credential.test", tmp_path, secret_reference="file:secret") as desk:
        await desk.close_connections()
        transport = httpx.MockTransport(answering({"code": "0", "data": TOLD}))
        desk._client = httpx.AsyncClient(base_url="http://credential.test", transport=transport)
        assert (await desk.read("code", openid=None)).insured == PERSON
