"""Acting on behalf of a patient within a consent (RFC 8693).

A partner's service shows the access token by which a person uses the partner's own front end, and gets one for itself:
for that person and patient, within the consent that they have given to *it*, saying who acts. Without a consent there
is nothing to get, however good the token.
"""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError, UnauthorizedClientError

from kernel import clock
from kernel.db import database
from oauth import ports, resources, tokens
from oauth.clients import TOKEN_EXCHANGE, Person
from oauth.decisions import TokenRequest
from oauth.errors import InvalidToken
from oauth.grants import COLUMNS, Grant, create_grant
from oauth.ports import Consent, Consents
from oauth.refusals import InvalidTarget
from oauth.revocation import require_in_force
from oauth.scopes import is_within, within
from oauth.token_answers import answer_for_person
from oauth.tokens import AccessToken

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a kind of token


async def exchange(request: TokenRequest, consents: Consents) -> dict[str, Any]:
    """Give a service a token for the person and patient of the token that it shows.

    Raises:
        OAuth2Error: the token is not good for this, or nobody has consented.
        DatabaseUnavailable.
    """
    client, form = request.client, request.form
    if TOKEN_EXCHANGE not in client.grant_types:
        raise UnauthorizedClientError
    shown, person = await _read_subject(request)
    assert person.patient_id is not None, "_read_subject has looked"
    consent = await consents.find_consent(
        client_id=client.id, account_id=UUID(person.id), patient_id=UUID(person.patient_id)
    )
    if consent is None or consent.until <= clock.now():
        # RFC 8693 section 2.2.2: what policy does not accept is an invalid request.
        raise InvalidRequestError
    allowed = within(consent.scopes, client.scopes)
    asked = frozenset(form.get("scope", "").split())
    if not all(is_within(scope, allowed) for scope in asked):
        raise InvalidScopeError
    scopes = asked or allowed
    resource = resources.choose(
        form.get("resource"), scopes, allowed=[resources.open_api(), resources.fhir()], explicit=bool(asked)
    )
    if resource is None or not (scopes := resources.scopes_for(resource, scopes)):
        raise InvalidTarget
    grant = await _grant_for(request, shown, person, consent, allowed)
    body = answer_for_person(
        grant,
        client,
        scopes,
        resource=resource,
        jkt=request.jkt,
        # It must not outlive what it was made from.
        until=datetime.fromtimestamp(shown.expires_at, UTC),
        acts_for=True,
    )
    return body | {"issued_token_type": ACCESS_TOKEN}


async def _read_subject(request: TokenRequest) -> tuple[AccessToken, Person]:
    """Check the token that is shown: ours, in force, a patient's own, and not bound to a key that is not shown."""
    form = request.form
    if form.get("subject_token_type") != ACCESS_TOKEN or not form.get("subject_token"):
        raise InvalidRequestError
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN or "actor_token" in form:
        raise InvalidRequestError
    try:
        shown = tokens.read(form["subject_token"])
        await require_in_force(shown)
    except InvalidToken as error:
        raise InvalidRequestError from error
    person = shown.person
    if person is None or person.kind != "account" or person.patient_id is None:
        raise InvalidRequestError
    if not await ports.is_let_in(shown.client_id):
        raise InvalidRequestError
    # A token made by exchange, or bound to another's key, is not passed on.
    if shown.jkt is not None or "act" in shown.claims:
        raise InvalidRequestError
    return shown, person


async def _grant_for(
    request: TokenRequest, shown: AccessToken, person: Person, consent: Consent, scopes: frozenset[str]
) -> Grant:
    """Give the grant that stands for this consent, made at its first use: it ends when the consent is withdrawn."""
    async with database().transaction() as tx:
        row = await tx.fetchrow(
            f"SELECT {COLUMNS} FROM oauth_grant g WHERE g.consent_id = $1 AND g.client_id = $2"  # noqa: S608  ours
            " AND g.subject_id = $3 AND g.patient_id = $4 AND g.status = 'active' AND g.expires_at > $5"
            " AND g.scopes = $6 ORDER BY g.id LIMIT 1",
            consent.id,
            request.client.id,
            UUID(person.id),
            UUID(person.patient_id or ""),
            clock.now(),
            sorted(scopes),
        )
        if row is not None:
            return Grant.of(row)
        signed_in_at = shown.claims.get("auth_time", shown.issued_at)
        return await create_grant(
            tx,
            client_id=request.client.id,
            subject_kind="account",
            subject_id=UUID(person.id),
            patient_id=UUID(person.patient_id or ""),
            consent_id=consent.id,
            scopes=scopes,
            resources=[resources.open_api(), resources.fhir()],
            auth_time=datetime.fromtimestamp(signed_in_at, UTC),
            acr=shown.claims.get("acr"),
            fhir_user=shown.claims.get("fhirUser"),
            expires_at=consent.until,
        )
