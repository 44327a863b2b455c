"""Who may call, with which token, for what, and in whose name."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from open_api.oauth.scopes import SCOPES
from open_api.routing import PREFIX, Route
from tests.contract.conformity import ROUTES
from tests.contract.requests import address_of, body_of
from tests.factories.oauth import register_client
from tests.factories.open_api import Caller, OpenApi, eventually, registration

GRANT = {"grant_type": "client_credentials"}


def _part(values: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


class Forger:
    """Makes tokens that look like a client's own."""

    def __init__(self, api: OpenApi, caller: Caller) -> None:
        header, payload, self.signature = caller.token.split(".")
        self.header = json.loads(base64.urlsafe_b64decode(header + "=="))
        self.claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        self.pem = (api.server.keys_dir / "oauth_signing.pem").read_text()

    def signed(self, header: dict[str, Any] | None = None, key: ECKey | None = None, **claims: Any) -> str:
        """Sign with the real key unless another is given; None leaves a claim out."""
        merged = {name: value for name, value in (self.claims | claims).items() if value is not None}
        return jwt.encode(self.header | (header or {}), merged, key or ECKey.import_key(self.pem))

    def signed_by_the_public_key(self) -> str:
        """Sign with what everybody knows, as if it were a secret (RFC 8725 section 2.1)."""
        signed = f"{_part(self.header | {'alg': 'HS256'})}.{_part(self.claims)}"
        known = ECKey.import_key(self.pem).as_pem(private=False)
        digest = hmac.digest(known, signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _later(seconds: int) -> int:
    return int(time.time()) + seconds


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "no token": lambda _: "abc",
    "three dots": lambda _: "...",
    "not base64": lambda _: "ä.ö.ü".encode().decode("latin-1"),
    "other claims, old signature": lambda f: f"{_part(f.header)}.{_part(f.claims | {'scope': 'x'})}.{f.signature}",
    "no signature": lambda f: f"{_part(f.header)}.{_part(f.claims)}.",
    "alg none": lambda f: f"{_part(f.header | {'alg': 'none'})}.{_part(f.claims)}.",
    "signed by the public key as a secret": lambda f: f.signed_by_the_public_key(),
    "another key": lambda f: f.signed(key=ECKey.generate_key("P-256")),
    "another key's id": lambda f: f.signed(header={"kid": "x"}, key=ECKey.generate_key("P-256")),
    "expired": lambda f: f.signed(exp=_later(-1), iat=_later(-1801)),
    "no end": lambda f: f.signed(exp=None),
    "an end in words": lambda f: f.signed(exp="tomorrow"),
    "issued tomorrow": lambda f: f.signed(iat=_later(86_400), exp=_later(90_000)),
    "another issuer": lambda f: f.signed(iss="https://elsewhere.example"),
    "another audience": lambda f: f.signed(aud="https://elsewhere.example/open/v1"),
    "an id token": lambda f: f.signed(header={"typ": "JWT"}),
    "another subject": lambda f: f.signed(sub="somebody"),
    "an unknown client": lambda f: f.signed(sub="nobody-here", client_id="nobody-here"),
    "a client's name with a null": lambda f: f.signed(sub="a\x00b", client_id="a\x00b"),
    "scopes as a list": lambda f: f.signed(scope=["catalogue.read"]),
    "bytes of no text": lambda _: b"\xff\xfe".decode("latin-1"),
    "too long": lambda f: f.signed(padding="x" * 5_000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_token_that_is_not_ours_opens_nothing(open_api: OpenApi, forgery: str) -> None:
    before = await open_api.fingerprint()
    token = FORGERIES[forgery](Forger(open_api, open_api.portal)).encode("latin-1", "replace")
    for method, path in (("GET", "/campuses"), ("POST", "/patients")):
        answer = await open_api.http.request(
            method, PREFIX + path, headers={b"Authorization": b"Bearer " + token}, json=registration()
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "oauth.invalid_token")
        assert answer.headers["www-authenticate"].startswith(
            'Bearer realm="hospital", error="invalid_token", DPoP algs='
        )
    assert await open_api.fingerprint() == before


async def test_a_token_of_ours_signed_anew_opens(open_api: OpenApi) -> None:
    """So the forgeries above fail for their own faults, not for the forger's."""
    token = Forger(open_api, open_api.portal).signed(jti="another")
    answer = await open_api.http.get(f"{PREFIX}/campuses", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", [None, "Basic Zm9vOmJhcg==", "bearer", "Bearer"])
async def test_without_a_token_nothing_opens(open_api: OpenApi, header: str | None) -> None:
    headers = {"authorization": header} if header else {}
    answer = await open_api.http.get(f"{PREFIX}/campuses", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "oauth.invalid_token")


async def test_a_suspended_client_is_out(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await open_api.db.execute("UPDATE oauth_client SET status = 'suspended' WHERE id = $1", partner.client_id)
    # Clients are remembered for a second.
    answer = await eventually(lambda: partner.get("/campuses"), 401)
    assert answer.json()["code"] == "oauth.invalid_token"
    form = {"grant_type": "client_credentials"}
    refused = await open_api.http.post("/oauth/token", data=form, auth=(partner.client_id, partner.secret))
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})


async def test_a_token_gives_no_more_than_the_registration_still_does(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await open_api.db.execute("UPDATE oauth_client SET scopes = '{slots.read}' WHERE id = $1", partner.client_id)
    answer = await eventually(lambda: partner.get("/campuses"), 403)
    assert answer.json()["scope"] == "catalogue.read"


async def test_a_token_for_less_opens_less(open_api: OpenApi) -> None:
    narrow = await open_api.token(open_api.portal.client_id, open_api.portal.secret, "slots.read")
    headers = {"authorization": f"Bearer {narrow}"}
    answer = await open_api.http.get(f"{PREFIX}/campuses", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "oauth.insufficient_scope")


# --- the token endpoint


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unauthorized_client"),
        ({}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "everything"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "catalogue.read " * 500}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, 400, "invalid_request"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, 400, "invalid_request"),
    ],
)
async def test_a_token_request_that_cannot_be_meant(
    open_api: OpenApi, form: dict[str, Any], status: int, error: str
) -> None:
    portal = open_api.portal
    answer = await open_api.http.post("/oauth/token", data=form, auth=(portal.client_id, portal.secret))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("wrong", ["secret", "client", "null", "both empty"])
async def test_a_client_that_cannot_prove_itself_gets_no_token(open_api: OpenApi, wrong: str) -> None:
    portal = open_api.portal
    credentials = {
        "secret": (portal.client_id, "guess"),
        "client": ("nobody-here", portal.secret),
        "null": ("a\x00b", portal.secret),
        "both empty": ("", ""),
    }[wrong]
    answer = await open_api.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    assert answer.headers["www-authenticate"] == 'Basic realm="hospital"'


async def test_a_client_may_say_who_it_is_in_the_form(open_api: OpenApi) -> None:
    name = f"test-{secrets.token_hex(6)}"
    client = await register_client(open_api.db, client_id=name, auth_method="client_secret_post")
    form = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
    answer = await open_api.http.post("/oauth/token", data=form)
    assert answer.status_code == 200
    assert (await open_api.http.post("/oauth/token", data=GRANT, auth=(client.id, client.secret))).status_code == 401
    assert answer.json()["scope"].split() == sorted(answer.json()["scope"].split())


async def test_json_is_no_token_request(open_api: OpenApi) -> None:
    answer = await open_api.http.post("/oauth/token", json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize(
    "path", ["/oauth/jwks", "/.well-known/oauth-authorization-server", "/health/live", "/health/ready"]
)
async def test_what_stands_open_answers(open_api: OpenApi, path: str) -> None:
    answer = await open_api.http.get(path)
    assert answer.status_code == 200


# --- every route behind the guard


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_a_route_wants_its_scope_and_a_member_of_staff_where_it_changes(open_api: OpenApi, route: Route) -> None:
    others = [scope for scope in SCOPES if scope != route.scope]
    stranger = await open_api.client(scopes=others)
    inside = await open_api.client("internal", channel="kiosk", scopes=list(SCOPES))
    before = await open_api.fingerprint()
    address, body = address_of(route), body_of(route)

    answer = await stranger.send(route.method, address, body=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "oauth.insufficient_scope")
    assert answer.json()["scope"] == route.scope
    assert f'scope="{route.scope}"' in answer.headers["www-authenticate"]

    for named, code in (
        (None, "oauth.staff_required"),
        ("S999", "oauth.staff_unknown"),
        ("S" * 40, "oauth.staff_unknown"),
    ):
        inside.staff_code = named
        answer = await inside.send(route.method, address, body=body)
        if route.changes_state:
            assert (answer.status_code, answer.json()["code"]) == (403, code)
        else:
            assert answer.status_code != 403

    unsigned = await open_api.http.request(route.method, PREFIX + address, json=body)
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "oauth.invalid_token")
    assert await open_api.fingerprint() == before


async def test_somebody_who_has_left_acts_no_longer(open_api: OpenApi) -> None:
    await open_api.db.execute("UPDATE staff SET status = 'left' WHERE code = $1", open_api.kiosk.staff_code)
    answer = await open_api.kiosk.post("/patients", registration())
    assert (answer.status_code, answer.json()["code"]) == (403, "oauth.staff_unknown")


async def test_events_keep_for_whom_an_application_acted(open_api: OpenApi) -> None:
    kiosk = open_api.kiosk
    first, second = await open_api.hospital.schedule(seats=1), await open_api.hospital.schedule(seats=1)
    patient = await open_api.patient(kiosk)
    hold = await open_api.hold(first.slots[0], patient, kiosk)
    booked = await kiosk.post("/appointments", {"hold_id": str(hold)})
    colleague = await open_api.staff()
    for path, body in (("reschedule", {"slot_id": str(second.slots[0])}), ("cancel", {})):
        answer = await kiosk.post(
            f"/appointments/{booked.json()['id']}/{path}", body,
            headers={"acting-staff": colleague, "x-request-id": f"request-{path}"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text

    # What the platform itself decides of a seat that comes free is nobody's doing.
    events = await open_api.db.fetch(
        "SELECT kind, client_id, staff_code, request_id FROM booking_event WHERE kind <> 'returned' ORDER BY id"
    )

    assert [(event["kind"], event["staff_code"]) for event in events] == [
        ("held", kiosk.staff_code),
        ("booked", kiosk.staff_code),
        ("moved_away", colleague),
        ("moved_here", colleague),
        ("cancelled", colleague),
    ]
    assert {event["client_id"] for event in events} == {kiosk.client_id}
    assert [event["request_id"] for event in events][2:] == ["request-reschedule"] * 2 + ["request-cancel"]
    assert await open_api.db.fetchval("SELECT staff_code FROM patient_event") == kiosk.staff_code


async def test_a_partner_acts_for_no_member_of_staff(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
    answer = await open_api.portal.post("/holds", body, headers={"acting-staff": str(open_api.kiosk.staff_code)})
    assert answer.status_code == 201
    assert await open_api.db.fetchval("SELECT staff_code FROM booking_event") is None
