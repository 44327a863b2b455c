"""Applications that read the FHIR API of the real server: a person's, with a token for one patient, and backends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from kernel.db import Database
from tests.factories.authorization import Holder, redeem
from tests.factories.grants import new_client_id, web_client
from tests.factories.oauth import register_client
from tests.factories.open_api import OpenApi

PERSON_SCOPE = "openid fhirUser launch/patient offline_access patient/*.rs"


@dataclass
class FhirCaller:
    """Somebody with a token for the FHIR API."""

    http: httpx.AsyncClient
    token: str
    client_id: str = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for something below the FHIR API's address."""
        return await self.http.get(f"/fhir{path}", headers=self.headers | _dashed(headers))

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        """Send a form."""
        return await self.http.post(f"/fhir{path}", data=dict(form), headers=self.headers | _dashed(headers))

    async def found(self, path: str) -> list[str]:
        """Search, and give the ids of what fits."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        entries = answer.json().get("entry", [])
        return [one["resource"]["id"] for one in entries if one["search"]["mode"] == "match"]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {"authorization": f"Bearer {self.token}"}


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def person_caller(holder: Holder, database: Database, *, scope: str = PERSON_SCOPE, **columns: Any) -> FhirCaller:
    """Let somebody allow an application what it asks, and give it with its token."""
    data = [one for one in scope.split() if "/" in one and one != "launch/patient"]
    client = await web_client(database, scopes=data, **columns)
    code = await holder.code_for(client, *data, scope=scope)
    body = await redeem(holder.visitor.base_url, client, code)
    assert body["patient"] == str(holder.patient_id)
    return FhirCaller(holder.visitor.http, body["access_token"], client.id)


async def backend_caller(
    open_api: OpenApi,
    *,
    scopes: Sequence[str] = ("system/*.rs",),
    kind: str = "partner",
    client_id: str | None = None,
) -> FhirCaller:
    """Register an application that acts for itself, and give it with its token."""
    client = await register_client(open_api.db, client_id=client_id or new_client_id(), kind=kind, scopes=tuple(scopes))
    return await fhir_token(open_api, client.id, client.secret)


async def fhir_token(open_api: OpenApi, client_id: str, secret: str) -> FhirCaller:
    """Give an application a token for the FHIR API."""
    form = {"grant_type": "client_credentials", "resource": f"{open_api.server.base_url}/fhir"}
    answer = await open_api.http.post("/oauth/token", data=form, auth=(client_id, secret))
    assert answer.status_code == 200, answer.text
    return FhirCaller(open_api.http, answer.json()["access_token"], client_id)


async def book_as(open_api: OpenApi, patient_id: UUID, slot: UUID, *, client_id: str) -> UUID:
    """Book by the hospital's own application, and have it be another's."""
    appointment = await open_api.book(slot, patient_id, open_api.kiosk)
    await open_api.db.execute("UPDATE appointment SET client_id = $2 WHERE id = $1", appointment, client_id)
    return appointment
