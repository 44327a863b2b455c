"""What this authorization server can do, in the words of those who ask: OAuth, OpenID Connect and SMART.

One document (RFC 8414, OpenID Connect Discovery 1.0), of which SMART App Launch 2.2 wants a part at an address of its
own; it says only what works.
"""

from typing import Any, Final, get_args

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from oauth import dpop, id_tokens, introspection, par, resources, server, tokens
from oauth.authorization_requests import ACR_VALUES, PROMPTS
from oauth.client_authentication import ALGORITHMS
from oauth.clients import AuthMethod
from oauth.scopes import COMMON_SCOPES
from oauth.sign_in.setup import sign_in
from open_api.cross_origin import let_anybody_read, mount_preflight
from open_api.fhir.scopes import FHIR_SCOPES
from open_api.oauth.answers import answer
from open_api.oauth.scopes import SANDBOX_SCOPES, SCOPES

CACHED: Final = "public, max-age=300"
PATHS: Final = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
SMART_PATH: Final = "/fhir/.well-known/smart-configuration"
# https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capabilities
SMART_CAPABILITIES: Final = (
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-v2",
)
_SMART_FIELDS: Final = (
    "issuer",
    "jwks_uri",
    "authorization_endpoint",
    "token_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "registration_endpoint",
    "grant_types_supported",
    "scopes_supported",
    "response_types_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
)


def mount_discovery(app: Sanic[Any, Any]) -> None:
    """Put the documents into the application; anybody's page may read them."""
    for path in PATHS:
        name = path.rpartition("/")[2].replace("-", "_")
        app.add_route(metadata, path, methods=["GET"], name=name)
        mount_preflight(app, path, name, methods=("GET",), is_public=True)
    app.add_route(smart_configuration, SMART_PATH, methods=["GET"], name="smart_configuration")
    mount_preflight(app, SMART_PATH, "smart_configuration", methods=("GET",), is_public=True)


async def metadata(request: Request) -> HTTPResponse:
    """Say what this authorization server can do."""
    return let_anybody_read(answer((200, server_metadata(), {"cache-control": CACHED}), request))


async def smart_configuration(request: Request) -> HTTPResponse:
    """Say where SMART applications find what they need, as JSON whatever they accept."""
    whole = server_metadata()
    body = {name: whole[name] for name in _SMART_FIELDS} | {"capabilities": list(SMART_CAPABILITIES)}
    return let_anybody_read(answer((200, body, {"cache-control": CACHED}), request))


def server_metadata() -> dict[str, Any]:
    """Write the document."""
    url = tokens.issuer()
    methods = list(get_args(AuthMethod))
    algorithms = sorted({one for all_ in ALGORITHMS.values() for one in all_})
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "pushed_authorization_request_endpoint": par.par_url(),
        "require_pushed_authorization_requests": False,
        "introspection_endpoint": introspection.introspection_url(),
        "introspection_endpoint_auth_methods_supported": [method for method in methods if method != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint": introspection.revocation_url(),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "registration_endpoint": f"{url}/oauth/register",
        "userinfo_endpoint": f"{url}/oauth/userinfo",
        "end_session_endpoint": f"{url}/oauth/logout",
        "jwks_uri": f"{url}/oauth/jwks",
        "scopes_supported": [
            *sorted(COMMON_SCOPES - {"launch"}),
            *FHIR_SCOPES,
            *(scope for scope in SCOPES if sign_in().sandbox or scope not in SANDBOX_SCOPES),
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": server.grant_types(),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "id_token_signing_alg_values_supported": list(id_tokens.ALGORITHMS),
        "subject_types_supported": ["public"],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "at_hash",
            "azp",
            "sid",
            "name",
            "fhirUser",
        ],
        "acr_values_supported": list(ACR_VALUES),
        "prompt_values_supported": sorted(PROMPTS),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": ["zh-CN", "en"],
        "protected_resources": [resources.open_api(), resources.fhir()],
        "service_documentation": f"{url}/docs",
        # Ours (RFC 8414 section 2 lets a server say more): what tries things out asks this first, and stops here if
        # real patients' appointments are behind it.
        "deployment": "sandbox" if sign_in().sandbox else "production",
    }
