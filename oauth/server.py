"""The token endpoint on Authlib's server core.

Authlib's hooks are synchronous, so what they ask for is loaded first and the grant runs in memory; the client is
all that client_credentials asks for. Later grants get a module each beside this one (docs/adr/0015).
"""

import base64
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from oauth import tokens
from oauth.clients import Client, read_client

Answer = tuple[int, dict[str, Any], dict[str, str]]

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
PARAMETER_CHARACTERS_MAX = 2_000


class _GrantClient:
    """A client as Authlib's grants want to see one (RFC 6749 section 2)."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get_client_id(self) -> str:
        return self.client.id

    def check_client_secret(self, secret: str) -> bool:
        return self.client.secret_fits(secret)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == ClientCredentialsGrant.GRANT_TYPE

    def get_allowed_scope(self, scope: str) -> str:
        asked = set((scope or "").split()) or self.client.scopes
        return " ".join(sorted(asked & self.client.scopes))


class _Request(OAuth2Request):
    """One token request with its form."""

    def __init__(self, uri: str, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__("POST", uri, headers=headers)
        self._form = dict(form)
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _ClientCredentials(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]  # noqa: RUF012  Authlib's own form


class _Server(AuthorizationServer):
    """Runs one request's grant in memory, with the client that was loaded for it."""

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._loaded = client
        self.register_grant(_ClientCredentials)
        self.register_token_generator("default", cast(Any, self._sign))  # any callable; the stubs want its own class

    def query_client(self, client_id: str) -> Any:
        known = self._loaded
        return _GrantClient(known) if known is not None and known.id == client_id else None

    def save_token(self, token: object, request: object) -> None:
        """Nothing to keep: the token carries all, and lives for half an hour."""

    def validate_requested_scope(self, scope: str | None) -> None:
        """Refuse a scope that the client does not have (RFC 6749 section 3.3)."""
        from authlib.oauth2.rfc6749.errors import InvalidScopeError  # noqa: PLC0415  beside its only use

        if scope and self._loaded and not set(scope.split()) <= self._loaded.scopes:
            raise InvalidScopeError

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Tell nobody."""

    def _sign(self, *, client: _GrantClient, scope: str | None, **_rest: object) -> dict[str, Any]:
        granted = client.get_allowed_scope(scope or "")
        token, lifetime = tokens.issue(client.client.id, frozenset(granted.split()))
        return {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": granted}

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Mapping[str, object], headers: Any) -> Answer:
        return status, dict(body), {name.lower(): value for name, value in dict(headers).items()}


async def answer_token_request(form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """Answer POST /oauth/token: give the status, the JSON body and headers of RFC 6749 section 5.

    Raises:
        DatabaseUnavailable.
    """
    if not form.get("grant_type") or any(len(value) > PARAMETER_CHARACTERS_MAX for value in form.values()):
        return _refuse(InvalidRequestError())
    try:
        client_id = _client_id(form, headers.get("authorization"))
    except OAuth2Error as error:
        return _refuse(error)
    client = await read_client(client_id) if client_id and "\x00" not in client_id else None
    server = _Server(client)
    request = _Request(f"{tokens.issuer()}/oauth/token", form, headers)
    # Gives what `handle_response` above made of it, whatever the stubs say.
    status, body, extra = cast(Answer, server.create_token_response(request))
    if body.get("error") == "invalid_client":
        # A wrong secret and an unknown client look alike.
        return _refuse(InvalidClientError())
    return status, body, extra | NO_STORE


def _client_id(form: Mapping[str, str], authorization: str | None) -> str | None:
    if authorization is None:
        return form.get("client_id")
    if "client_secret" in form:
        raise InvalidRequestError("one way of authentication only")
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        # No base64, or no UTF-8. Authlib would decode it once more, and fail.
        raise InvalidClientError from error
    return unquote_plus(pair.partition(":")[0])


def _refuse(error: OAuth2Error) -> Answer:
    status = 401 if error.error == "invalid_client" else error.status_code
    headers = {"www-authenticate": 'Basic realm="hospital"'} if status == 401 else {}
    return status, {"error": error.error}, headers | NO_STORE
