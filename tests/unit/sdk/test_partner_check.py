"""The parts of the partner check that need no hospital: proofs, clocks, invented people, and what refusals mean."""

import base64
import json
import time
from datetime import date
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey

from hospital_openapi import ClientSecret, HospitalClient, PrivateKey, TokenRefused, problems
from hospital_openapi.partner_check.__main__ import Unable, read_credentials, require_sandbox
from hospital_openapi.partner_check.advice import explain
from hospital_openapi.partner_check.scenarios import BOOKING_SCOPES, compare_clocks, get_token, refused
from hospital_openapi.partner_check.visit import Failed, Visit, invented_number
from patients.documents import RESIDENT_ID, check_document
from tests.factories.sdk import BASE_URL, SECRET


def visit(*, issued_ago: float = 0, scopes: frozenset[str] = BOOKING_SCOPES) -> Visit:
    """A visit to a hospital whose tokens say so."""

    def answer(_request: httpx.Request) -> httpx.Response:
        claims = (
            base64.urlsafe_b64encode(json.dumps({"iat": int(time.time() - issued_ago)}).encode()).decode().rstrip("=")
        )
        return httpx.Response(200, json={"access_token": f"h.{claims}.s", "expires_in": 60, "scope": " ".join(scopes)})

    client = HospitalClient(BASE_URL, SECRET, transport=httpx.MockTransport(answer))
    return Visit(client, client)


@pytest.mark.parametrize("issued_ago", [0, 25, -25])
def test_a_clock_that_is_right_enough_works(issued_ago: float) -> None:
    assert "of the hospital's" in compare_clocks(visit(issued_ago=issued_ago))


@pytest.mark.parametrize(("issued_ago", "sentence"), [(214, "ahead of"), (-214, "behind")])
def test_a_clock_that_is_wrong_is_found(issued_ago: float, sentence: str) -> None:
    with pytest.raises(Failed, match=rf"21[345] s {sentence} the hospital's"):
        compare_clocks(visit(issued_ago=issued_ago))


def test_a_scope_that_booking_needs_is_missed() -> None:
    asked = visit(scopes=BOOKING_SCOPES - {"slots.read"})
    with pytest.raises(Failed, match=r"lacks slots\.read,"):
        get_token(asked)
    assert asked.has_token


def test_invented_people_have_numbers_that_can_be() -> None:
    numbers = {invented_number() for _ in range(200)}
    assert len(numbers) > 190
    for number in numbers:
        assert number.startswith("440199")
        assert check_document(RESIDENT_ID, number, today=date(2026, 12, 1)).number == number


def test_proofs_are_read_from_files_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIENT_SECRET", raising=False)
    with pytest.raises(Unable):
        read_credentials("app", None, None, None)
    monkeypatch.setenv("CLIENT_SECRET", "of the environment")
    assert read_credentials("app", None, None, None) == ClientSecret("app", "of the environment")
    (tmp_path / "secret").write_text("of the file\n", encoding="utf-8")
    assert read_credentials("app", tmp_path / "secret", None, None) == ClientSecret("app", "of the file")
    (tmp_path / "key.pem").write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    by_key = read_credentials("app", None, tmp_path / "key.pem", "k-1")
    assert isinstance(by_key, PrivateKey)
    assert (by_key.key_id, by_key.key.curve_name) == ("k-1", "P-384")


def test_an_address_where_nobody_is_is_no_sandbox() -> None:
    with pytest.raises(Unable, match="does not answer"):
        require_sandbox("http://127.0.0.1:9")


def test_an_expected_refusal_must_be_that_one() -> None:
    sold_out = problems.BookingSoldOut(code="booking.sold_out", status=409, detail="d", request_id="r")
    with refused(problems.BookingSoldOut, "nothing was refused") as seen:
        raise sold_out
    assert seen == [sold_out]
    with (
        pytest.raises(Failed, match=r"booking\.already_booked was expected, and booking\.sold_out came"),
        refused(problems.BookingAlreadyBooked, "nothing was refused"),
    ):
        raise sold_out
    with pytest.raises(Failed, match="nothing was refused"), refused(problems.BookingSoldOut, "nothing was refused"):
        pass


def test_refusals_are_explained() -> None:
    wrong = TokenRefused("invalid_client", None, status=401, request_id="r")
    assert "secret or key is another" in explain(wrong)
    forbidden = problems.OauthInsufficientScope(
        code="oauth.insufficient_scope", status=403, detail="d", request_id="r-7"
    )
    assert "has not been granted" in explain(forbidden)
    assert "r-7" in explain(forbidden)
    other = problems.BookingLimitReached(code="booking.limit_reached", status=409, detail="no more", request_id="r")
    assert "no more" in explain(other)
