"""Acting on behalf of a patient within a consent (RFC 8693)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from joserfc.jwk import ECKey

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from oauth import ports, resources, tokens
from oauth.clients import TOKEN_EXCHANGE
from oauth.errors import InvalidToken
from oauth.grants import revoke_grant, revoke_grants_of_consent
from oauth.revocation import require_in_force
from oauth.server import answer_token_request, token_url
from oauth.token_exchange import ACCESS_TOKEN
from tests.factories.grants import ConsentsInATable, code_for, grant_of, new_client_id, proof, redemption, web_client
from tests.factories.oauth import RegisteredClient, register_client
from tests.service.oauth.states import State

SCOPES = ("patient/Appointment.rs", "patient/Patient.r")
INVALID = (400, {"error": "invalid_request"})


class Scene:
    """A partner's front end with a person before it, the partner's service, and the person's consent to the latter."""

    def __init__(self, db: Database, consents: ConsentsInATable) -> None:
        self.db, self.consents = db, consents

    async def build(self) -> "Scene":
        self.front = await web_client(self.db)
        self.service = await self.a_service()
        self.grant = await grant_of(self.db, self.front)
        self.subject_token = await self.token_of(self.grant)
        self.consent_id = await self.consent(SCOPES)
        return self

    async def a_service(self, **columns: Any) -> RegisteredClient:
        usual = {"grant_types": ["client_credentials", TOKEN_EXCHANGE], "scopes": (*SCOPES, "slots.read")}
        return await register_client(self.db, client_id=new_client_id(), **(usual | columns))

    async def consent(self, scopes: tuple[str, ...], *, days: float = 30) -> UUID:
        patient = self.grant.patient_id
        assert patient is not None
        return await self.consents.give(
            self.service, account_id=self.grant.subject_id, patient_id=patient, scopes=scopes,
            until=clock.now() + timedelta(days=days),
        )  # fmt: skip

    async def token_of(self, grant: Any, **more: Any) -> str:
        form = redemption(await code_for(self.db, grant))
        body = (await answer_token_request(form, self.front.basic, **more))[1]
        token: str = body["access_token"]
        return token

    async def exchange(self, client: RegisteredClient | None = None, **changes: str) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": self.subject_token,
            "subject_token_type": ACCESS_TOKEN,
        } | changes
        return (await answer_token_request(form, (client or self.service).basic))[:2]


@pytest.fixture
async def scene(database: Database) -> Scene:
    consents = await ConsentsInATable(database).build()
    await database.execute("DELETE FROM test_consent")
    ports.set_consents(consents)
    return await Scene(database, consents).build()


async def test_a_service_acts_for_a_patient_who_has_consented(scene: Scene) -> None:
    status, body = await scene.exchange()

    assert (status, body["issued_token_type"], body["token_type"]) == (200, ACCESS_TOKEN, "Bearer")
    assert body["scope"] == " ".join(SCOPES)
    assert body["patient"] == str(scene.grant.patient_id)
    assert "refresh_token" not in body
    token = tokens.verify(body["access_token"], audience=resources.fhir())
    assert (token.client_id, token.claims["act"]) == (scene.service.id, {"sub": scene.service.id})
    assert token.person is not None
    assert (token.person.id, token.person.patient_id) == (str(scene.grant.subject_id), str(scene.grant.patient_id))


async def test_it_gets_what_was_consented_to_and_no_more(scene: Scene, state: State) -> None:
    assert (await scene.exchange(scope="patient/Patient.r"))[1]["scope"] == "patient/Patient.r"
    before = await state()
    for wider in ("patient/*.rs", "patient/Patient.cruds", "slots.read", "openid"):
        assert await scene.exchange(scope=wider) == (400, {"error": "invalid_scope"})
    assert await scene.exchange(resource="https://elsewhere.example") == (400, {"error": "invalid_target"})
    assert await scene.exchange(resource=resources.open_api()) == (400, {"error": "invalid_target"})
    assert await state() == before


async def test_its_token_lives_no_longer_than_the_one_it_was_made_from(scene: Scene) -> None:
    shown = tokens.read(scene.subject_token)
    made = tokens.read((await scene.exchange())[1]["access_token"])
    assert made.expires_at <= shown.expires_at


async def test_withdrawing_the_consent_ends_its_tokens(scene: Scene, database: Database) -> None:
    made = tokens.read((await scene.exchange())[1]["access_token"])
    await database.execute("DELETE FROM test_consent")
    async with database.transaction() as tx:
        assert await revoke_grants_of_consent(tx, scene.consent_id, because="withdrawn") == 1
    with pytest.raises(InvalidToken):
        await require_in_force(made)
    assert await scene.exchange() == INVALID


async def test_exchanges_within_one_consent_share_one_grant(scene: Scene, database: Database) -> None:
    for _ in range(3):
        assert (await scene.exchange())[0] == 200
    assert await database.fetchval("SELECT count(*) FROM oauth_grant WHERE client_id = $1", scene.service.id) == 1


async def test_without_a_consent_in_force_there_is_nothing_to_get(
    scene: Scene, database: Database, state: State
) -> None:
    other = await scene.a_service()
    before = await state()
    assert await scene.exchange(other) == INVALID
    assert await state() == before
    with clock.frozen(clock.now() + timedelta(days=31)):
        assert await scene.exchange() == INVALID
    await database.execute("UPDATE test_consent SET patient_id = $1", new_id())
    assert await scene.exchange() == INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token": "x"},
        {"subject_token": ""},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x"},
    ],
)
async def test_what_is_no_persons_token_is_not_exchanged(scene: Scene, state: State, changes: dict[str, str]) -> None:
    before = await state()
    assert await scene.exchange(None, **changes) == INVALID
    assert await state() == before


async def test_a_clients_own_token_a_made_one_and_an_ended_one_are_not_exchanged(
    scene: Scene, database: Database
) -> None:
    own = (await answer_token_request({"grant_type": "client_credentials"}, scene.service.basic))[1]["access_token"]
    made = (await scene.exchange())[1]["access_token"]
    staff = await scene.token_of(await grant_of(database, scene.front, subject_kind="staff", patient_id=None))
    for token in (own, made, staff):
        assert await scene.exchange(subject_token=token) == INVALID
    async with database.transaction() as tx:
        await revoke_grant(tx, scene.grant.id, because="ended")
    assert await scene.exchange() == INVALID


async def test_a_token_bound_to_a_key_is_not_passed_on(scene: Scene, database: Database) -> None:
    key = ECKey.generate_key("P-256")
    grant = await grant_of(database, scene.front, subject_id=scene.grant.subject_id, patient_id=scene.grant.patient_id)
    bound = await scene.token_of(grant, proof=proof(key, "POST", token_url()))
    assert await scene.exchange(subject_token=bound) == INVALID


async def test_a_client_that_is_not_registered_for_it_exchanges_nothing(scene: Scene) -> None:
    other = await scene.a_service(grant_types=["client_credentials"])
    assert await scene.exchange(other) == (400, {"error": "unauthorized_client"})


async def test_without_anybody_who_knows_consents_it_is_not_offered(scene: Scene) -> None:
    ports.set_consents(None)
    assert await scene.exchange() == (400, {"error": "unsupported_grant_type"})
