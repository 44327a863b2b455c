"""Authlib's grants, run in memory on what was loaded for them.

Their hooks are synchronous, so a grant module loads first, lets Authlib decide here, and writes what was decided in
one transaction (docs/adr/0200). A refusal has therefore changed nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from oauth import tokens
from oauth.clients import Client
from oauth.scopes import is_within

MakeAnswer = Callable[[frozenset[str]], dict[str, Any]]
"""Makes the token answer for the scopes that a grant has come to."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request at the token endpoint, by a client that has proved itself.

    jkt: the thumbprint of the DPoP key whose possession was proved with it, if any was.
    """

    form: Mapping[str, str]
    client: Client
    jkt: str | None


class GrantClient:
    """A client as Authlib's grants want to see one (RFC 6749 section 2)."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether it is registered for a grant."""
        return grant_type in self.client.grant_types


class Request(OAuth2Request):
    """One token request with its form, and what was loaded for its grant."""

    def __init__(self, form: Mapping[str, str], loaded: Any) -> None:
        super().__init__("POST", f"{tokens.issuer()}/oauth/token")
        self._form = dict(form)
        self.payload = BasicOAuth2Payload(self._form)
        self.loaded = loaded

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return self._form


class _Server(AuthorizationServer):
    """Runs one request's grant, for the client that has proved itself already."""

    def __init__(self, client: Client, make: MakeAnswer) -> None:
        super().__init__()
        self._client = client
        self._make = make

    def authenticate_client(self, _request: Any, _methods: Any, _endpoint: str = "token") -> Any:
        """Give the client: oauth/client_authentication.py has seen its proof."""
        return GrantClient(self._client)

    def generate_token(self, *_names: Any, scope: str | None = None, **_rest: Any) -> dict[str, Any]:
        """Make the answer for the scopes that the grant has come to."""
        return self._make(frozenset((scope or "").split()))

    def save_token(self, token: object, request: object) -> None:
        """Keep nothing here: what a grant writes, it writes in one transaction afterwards."""

    def validate_requested_scope(self, scope: str | None) -> None:
        """Refuse a scope that the client does not have (RFC 6749 section 3.3)."""
        if scope and not all(is_within(one, self._client.scopes) for one in scope.split()):
            raise InvalidScopeError

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Tell nobody."""


def decide(
    grant_class: type[Any], request: TokenRequest, *, loaded: Any, make: MakeAnswer, extensions: Sequence[Any] = ()
) -> dict[str, Any]:
    """Let one of Authlib's grants decide about a request; give the token answer.

    Raises:
        OAuth2Error: what it refuses, with its code.
    """
    grant = grant_class(Request(request.form, loaded), _Server(request.client, make))
    for extension in extensions:
        extension(grant)
    grant.validate_token_request()
    _status, body, _headers = grant.create_token_response()
    return cast(dict[str, Any], body)
