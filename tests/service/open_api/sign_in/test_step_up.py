"""What is sensitive asks again who is there, and takes nothing from another site's script."""

from uuid import uuid4

from kernel.db import Database
from oauth.sign_in.subjects import Visit
from patients.accounts import Accounts, close_account
from tests.factories.sign_in import Visitor, new_phone


async def test_an_old_proof_is_not_enough_to_change_passkeys(visitor: Visitor, database: Database) -> None:
    await visitor.sign_in(phone := new_phone())
    await database.execute("UPDATE sign_in_session SET auth_time = now() - interval '11 minutes'")
    await visitor.get("/account/sessions")
    token = visitor.hidden("/sign-out")["form_token"]
    headers = {"x-form-token": token}

    begun = await visitor.http.post("/account/passkeys/options", json={}, headers=headers)
    assert (begun.status_code, begun.json()["code"]) == (403, "sign_in.step_up_needed")
    assert (begun.json()["acr"], begun.json()["max_age_seconds"]) == ("aal1", 600)
    removed = await visitor.http.post(f"/account/passkeys/{uuid4()}/remove", data={"form_token": token})
    assert removed.status_code == 303
    assert removed.headers["location"] == "/sign-in?continue=%2Faccount%2Fsessions&again=1"
    page = await visitor.get(removed.headers["location"])
    assert "请再次确认身份" in page.text

    await database.execute("DELETE FROM sign_in_throttle")
    await visitor.sign_in(phone)
    await visitor.get("/account/sessions")
    token = visitor.hidden("/sign-out")["form_token"]
    fresh = await visitor.http.post(f"/account/passkeys/{uuid4()}/remove", data={"form_token": token})
    assert fresh.status_code == 404


async def test_scripts_of_other_sites_are_refused(visitor: Visitor, database: Database) -> None:
    await visitor.sign_in(new_phone())
    await visitor.get("/account/sessions")
    token = visitor.hidden("/sign-out")["form_token"]
    for headers in (
        {},
        {"x-form-token": "x" * 43},
        {"x-form-token": token, "origin": "https://evil.example"},
        {"x-form-token": token, "sec-fetch-site": "cross-site"},
    ):
        answer = await visitor.http.post("/account/passkeys/options", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_in.form_outdated")
    form = await visitor.http.post("/account/passkeys/options", data={"a": "b"}, headers={"x-form-token": token})
    assert form.status_code == 403
    assert await database.fetchval("SELECT count(*) FROM sign_in_challenge") == 0


async def test_a_number_names_no_relying_party(visitor: Visitor) -> None:
    """Browsers make no passkeys for addresses of figures: the pages do not offer them, and the server says so."""
    page = await visitor.get("/sign-in")
    assert "通行密钥" not in page.text
    answer = await visitor.get("/sign-in/passkey")
    assert answer.status_code == 409


async def test_a_closed_account_signs_in_no_more_and_its_number_opens_a_new_one(
    visitor: Visitor, database: Database
) -> None:
    await visitor.sign_in(phone := new_phone())
    first = await database.fetchval("SELECT id FROM patient_account")
    await close_account(first)
    assert (await visitor.get("/account/sessions")).url.path == "/sign-in"
    await database.execute("DELETE FROM sign_in_throttle")
    await visitor.sign_in(phone)
    async with database.transaction() as tx:
        second = await Accounts().open_account(tx, phone=phone)
    assert second != first


def test_an_ipv6_household_is_one_address_and_ipv4_in_ipv6_is_ipv4(visitor: Visitor) -> None:
    def of(address: str) -> bytes:
        return Visit("t", address, "").address_hash

    assert of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9")
    assert of("2001:db8:1:2::1") != of("2001:db8:1:3::1")
    assert of("::ffff:192.0.2.7") == of("192.0.2.7") != of("192.0.2.8")
    assert of("unix:") != of("")
