"""What an authorization request must be before anybody is asked to sign in (RFC 6749 section 4.1.1, RFC 9700)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)

from oauth import resources
from oauth.clients import AUTHORIZATION_CODE, Client
from oauth.refusals import InvalidTarget, TooManyScopes
from oauth.scopes import COMMON_SCOPES, is_within

VALUE_CHARACTERS_MAX: Final = 1_000
# Of a patient's data; the consent that is made of them keeps no more (migration 0220).
DATA_SCOPES_MAX: Final = 50
PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
ACR_VALUES: Final = ("aal1", "aal2")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(/[^#]*)?")


class RedirectRefused(OAuth2Error):
    """The redirect address is not the client's: nobody may be sent there, not even with an error."""

    error = "invalid_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that may be put before a person.

    prompts: what the client wants asked anew, of `PROMPTS` (OpenID Connect Core section 3.1.2.1). max_age_seconds: how
    long ago the person may have signed in. acr: how strongly they must have (`aal1`, `aal2`).
    """

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    resources: tuple[str, ...]
    code_challenge: str
    state: str | None
    nonce: str | None
    jkt: str | None
    prompts: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    acr: str | None = None

    def as_parameters(self) -> dict[str, Any]:
        """Write it as JSON has it, to be kept."""
        return asdict(self) | {"scopes": sorted(self.scopes)}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> "AuthorizationRequest":
        """Read what was kept."""
        values = dict(parameters)
        for name, shape in (("scopes", frozenset), ("resources", tuple), ("prompts", tuple)):
            values[name] = shape(values[name])
        return cls(**values)


def require_redirect_uri(client: Client, given: str | None) -> str:
    """Give where the answer goes: one of the client's addresses, letter for letter (RFC 9700 section 2.1).

    A native application's loopback address may have any port (RFC 8252 section 7.3).

    Raises:
        RedirectRefused.
    """
    if given is None or not given:
        raise RedirectRefused
    if given in client.redirect_uris:
        return given
    loopback = _LOOPBACK.fullmatch(given) if client.application_type == "native" else None
    for registered in client.redirect_uris:
        known = _LOOPBACK.fullmatch(registered)
        # The same host and path; the port is whichever was free.
        if loopback is not None and known is not None and loopback.groups() == known.groups():
            return given
    raise RedirectRefused


def validate(client: Client, asked: Mapping[str, str], *, jkt: str | None = None) -> AuthorizationRequest:
    """Hold an authorization request against the rules of every client.

    asked: the parameters. jkt: the thumbprint of a DPoP key that was proved with a pushed request.

    Raises:
        RedirectRefused: the address is not the client's; the only refusal that must not be sent there.
        OAuth2Error: anything else.
    """
    redirect_uri = require_redirect_uri(client, asked.get("redirect_uri"))
    if AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClientError
    if asked.get("response_type") != "code":
        raise UnsupportedResponseTypeError(asked.get("response_type"))
    if any(len(value) > VALUE_CHARACTERS_MAX or "\x00" in value for value in asked.values()):
        raise InvalidRequestError
    for unknown in ("request", "request_uri", "registration"):
        if unknown in asked:
            raise InvalidRequestError
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise InvalidRequestError
    scopes = frozenset(asked.get("scope", "").split())
    allowed = client.scopes | COMMON_SCOPES
    if not scopes or not all(_is_for_person(one, client) and is_within(one, allowed) for one in scopes):
        raise InvalidScopeError
    if len(scopes - COMMON_SCOPES) > DATA_SCOPES_MAX:
        raise TooManyScopes(DATA_SCOPES_MAX)
    if jkt is not None and asked.get("dpop_jkt", jkt) != jkt:
        raise InvalidRequestError
    prompts = tuple(sorted(set(asked.get("prompt", "").split())))
    max_age = asked.get("max_age")
    if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError
    if max_age is not None and not _SECONDS.fullmatch(max_age):
        raise InvalidRequestError
    return AuthorizationRequest(
        client_id=client.id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        resources=_resources(client, asked, scopes),
        code_challenge=asked["code_challenge"],
        state=asked.get("state"),
        nonce=asked.get("nonce"),
        jkt=jkt or asked.get("dpop_jkt"),
        prompts=prompts,
        max_age_seconds=None if max_age is None else int(max_age),
        # Values that we do not know are voluntary wishes (OpenID Connect Core section 5.5.1.1).
        acr=next((one for one in asked.get("acr_values", "").split() if one in ACR_VALUES), None),
    )


def _resources(client: Client, asked: Mapping[str, str], scopes: frozenset[str]) -> tuple[str, ...]:
    """Tell what tokens may be for: what is named by `resource` or SMART's `aud`, or all that the scopes open.

    A SMART application names the FHIR API that it means: else another server could have sent it here for our tokens.
    """
    everything = (resources.open_api(), resources.fhir())
    if client.profile == "smart" and asked.get("aud", "").rstrip("/") != resources.fhir():
        raise InvalidRequestError
    named = asked.get("resource", asked.get("aud"))
    if named is not None:
        if named.rstrip("/") not in everything:
            raise InvalidTarget
        return (named.rstrip("/"),)
    opened = {resources.resource_of(scope) for scope in scopes}
    return tuple(one for one in everything if one in opened) or everything[:1]


def _is_for_person(scope: str, client: Client) -> bool:
    """Tell whether a person can allow this: their data in FHIR. The open API is for applications themselves."""
    if scope in COMMON_SCOPES:
        return True
    return client.subject_kind == "account" and scope.startswith("patient/")
