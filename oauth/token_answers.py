"""The answers of the token endpoint (RFC 6749 section 5.1), for clients that act for themselves and for persons."""

from datetime import datetime
from typing import Any, Final

from kernel import clock
from oauth import tokens
from oauth.clients import Client
from oauth.grants import Grant

REFRESH_SCOPES: Final = frozenset({"offline_access", "online_access"})


def answer_for_client(client: Client, scopes: frozenset[str], *, resource: str, jkt: str | None) -> dict[str, Any]:
    """Sign a token for a client that acts for itself; a SMART backend's lives for five minutes."""
    lifetime = tokens.LIFETIME_SECONDS if client.profile == "plain" else tokens.SMART_LIFETIME_SECONDS
    token, seconds = tokens.issue(
        client.id, scopes, audience=resource, lifetime_seconds=lifetime, more=_confirmation(jkt)
    )
    return _answer(token, seconds, scopes, jkt)


def answer_for_person(
    grant: Grant,
    client: Client,
    scopes: frozenset[str],
    *,
    resource: str,
    jkt: str | None,
    until: datetime | None = None,
    acts_for: bool = False,
) -> dict[str, Any]:
    """Sign a token for a client that acts for a person, within the grant and no longer than it.

    until: it ends then at the latest. acts_for: the token was exchanged, and says who acts (RFC 8693 section 4.1).
    """
    end = min(grant.expires_at, until) if until is not None else grant.expires_at
    lifetime = min(tokens.PERSON_LIFETIME_SECONDS, max(1, int((end - clock.now()).total_seconds())))
    more: dict[str, Any] = {
        "grant": str(grant.id),
        "subject_kind": grant.subject_kind,
        "auth_time": int(grant.auth_time.timestamp()),
    }
    if grant.patient_id is not None:
        more["patient"] = str(grant.patient_id)
    if grant.acr is not None:
        more["acr"] = grant.acr
    if grant.fhir_user is not None and "fhirUser" in scopes:
        more["fhirUser"] = grant.fhir_user
    if acts_for:
        more["act"] = {"sub": client.id}
    token, seconds = tokens.issue(
        client.id,
        scopes,
        audience=resource,
        lifetime_seconds=lifetime,
        subject=str(grant.subject_id),
        more=more | _confirmation(jkt),
    )
    answer = _answer(token, seconds, scopes, jkt)
    if grant.patient_id is not None:
        # SMART App Launch 2.2 section 2.0.9: the launch context stands beside the token.
        answer["patient"] = str(grant.patient_id)
    return answer


def may_refresh(grant: Grant, client: Client) -> bool:
    """Tell whether a refresh token comes along: the person has allowed it, and the client is registered for it."""
    return "refresh_token" in client.grant_types and bool(grant.scopes & REFRESH_SCOPES)


def _confirmation(jkt: str | None) -> dict[str, Any]:
    return {} if jkt is None else {"cnf": {"jkt": jkt}}


def _answer(token: str, seconds: int, scopes: frozenset[str], jkt: str | None) -> dict[str, Any]:
    return {
        "access_token": token,
        "token_type": "Bearer" if jkt is None else "DPoP",
        "expires_in": seconds,
        "scope": " ".join(sorted(scopes)),
    }
