"""Tokens for trying calls out from the portal: an application's own, for minutes, in a sandbox alone."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel.log import get_logger
from oauth import tokens
from oauth.clients import CLIENT_CREDENTIALS, read_client
from partners.policies import read_gate
from partners.sandbox.errors import TrialRefused
from partners.sandbox.faults import are_faults_allowed

LIFETIME_SECONDS: Final = 300

log = get_logger("partners.sandbox")


@dataclass(frozen=True, slots=True)
class Trial:
    """A token to try calls with. scopes: what it opens."""

    token: str
    lifetime_seconds: int
    scopes: list[str]


async def issue_trial_token(client_id: str, *, account_id: UUID | str) -> Trial:
    """Give a token as the application could get it for itself: no scope more, and no application that could get none.

    account_id: the developer's, for the log.

    Raises:
        TrialRefused: the application is not let in, acts for patients alone, or binds its tokens to a key.
        DatabaseUnavailable.
    """
    assert are_faults_allowed(), "a production has no such page"
    client = await read_client(client_id)
    if client is None or client.kind != "partner" or (await read_gate(client.id, client.kind)).stopped:
        raise TrialRefused(reason="not_active")
    if CLIENT_CREDENTIALS not in client.grant_types or client.is_public:
        raise TrialRefused(reason="for_patients_only")
    if client.dpop_required:
        raise TrialRefused(reason="bound_to_a_key")
    # Those of FHIR are for another resource.
    scopes = frozenset(scope for scope in client.scopes if "/" not in scope)
    token, seconds = tokens.issue(client.id, scopes, lifetime_seconds=LIFETIME_SECONDS)
    log.info("trial_token_issued", client=client.id, account=str(account_id))
    return Trial(token, seconds, sorted(scopes))
