"""A client acting for itself (RFC 6749 section 4.4)."""

from typing import Any

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from oauth import resources
from oauth.decisions import TokenRequest, decide
from oauth.refusals import InvalidTarget
from oauth.token_answers import answer_for_client


async def grant_to_client(request: TokenRequest) -> dict[str, Any]:
    """Give a client a token for what it asks of what it has, at one resource.

    Raises:
        OAuth2Error: it may not have that.
    """
    client = request.client
    everything = [resources.open_api(), resources.fhir()]

    def make(asked: frozenset[str]) -> dict[str, Any]:
        scopes = asked or client.scopes
        resource = resources.choose(request.form.get("resource"), scopes, allowed=everything, explicit=bool(asked))
        if resource is None:
            raise InvalidTarget
        return answer_for_client(client, resources.scopes_for(resource, scopes), resource=resource, jkt=request.jkt)

    return decide(ClientCredentialsGrant, request, loaded=None, make=make)
