"""The description of what stands outside /open/v1: tokens, keys, metadata and health."""

from typing import Any

from open_api.problems import TITLES

Document = dict[str, Any]


def machine_paths() -> dict[str, Document]:
    """Describe the paths that are no routes behind the guard."""
    return {
        "/oauth/token": {"post": _token()},
        "/oauth/introspect": {
            "post": _form_page(
                "introspect_token",
                "Learn whether a token is good (RFC 7662).",
                "oauth/token_query.json",
                ("200", "What it is good for; `active` alone where it is none of yours.", "oauth/introspection.json"),
            )
        },
        "/oauth/revoke": {
            "post": _form_page(
                "revoke_token",
                "Give a token back (RFC 7009).",
                "oauth/token_query.json",
                ("200", "It is good no more.", ""),
            )
        },
        "/oauth/par": {
            "post": _form_page(
                "push_authorization_request",
                "Push an authorization request (RFC 9126).",
                "oauth/push_request.json",
                ("201", "Its name.", "oauth/pushed.json"),
            )
        },
        "/oauth/register": {"post": _registration("register_application", "201", request=True)},
        "/oauth/register/{client_id}": {
            "get": _registration("read_registration", "200", request=False),
            "put": _registration("replace_registration", "200", request=True),
            "delete": _registration("remove_registration", "204", request=False),
        },
        "/oauth/jwks": {
            "get": _page("get_jwks", "access", "Read the keys that verify access tokens.", "oauth/jwks.json")
        },
        "/.well-known/openid-configuration": {
            "get": _page(
                "get_openid_configuration",
                "access",
                "The same, where OpenID Connect looks for it.",
                "oauth/metadata.json",
            )
        },
        "/.well-known/oauth-authorization-server": {
            "get": _page(
                "get_oauth_metadata", "access", "Read what this authorization server can do.", "oauth/metadata.json"
            )
        },
        "/health/live": {"get": _page("get_live", "health", "Learn whether the process runs.", "health/health.json")},
        "/health/ready": {
            "get": _page("get_ready", "health", "Learn whether requests can be served.", "health/health.json", 503)
        },
    }


def _token() -> Document:
    form = {"application/x-www-form-urlencoded": {"schema": {"$ref": "oauth/token_request.json"}}}
    return {
        "operationId": "get_token",
        "tags": ["access"],
        "summary": "Get an access token for your application.",
        "description": "RFC 6749 section 3.2. Authenticate in the way that your application is registered for.",
        "security": [],
        "requestBody": {"required": True, "content": form},
        "responses": {
            "200": _json("The token.", "oauth/token.json"),
            "400": _json("The request cannot be meant; `error` says what is wrong.", "oauth/error.json"),
            "401": _json("No such client, or another secret.", "oauth/error.json"),
            "429": _json("Too many failures from this address; wait `retry-after` seconds.", "oauth/error.json"),
            "503": _UNAVAILABLE,
        },
    }


_UNAVAILABLE: Document = {
    "description": f"{TITLES[503]}\n\n- `kernel.database_unavailable`",
    "content": {"application/problem+json": {"schema": {"$ref": "common/problem.json"}}},
}


def _form_page(operation: str, summary: str, form: str, good: tuple[str, str, str]) -> Document:
    """Describe an endpoint that takes a form with the client's proof."""
    status, description, schema = good
    return {
        "operationId": operation,
        "tags": ["access"],
        "summary": summary,
        "description": "Authenticate in the way that your application is registered for.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"$ref": form}}},
        },
        "responses": {
            status: _json(description, schema) if schema else {"description": description},
            "400": _json("The request cannot be meant; `error` says what is wrong.", "oauth/error.json"),
            "401": _json("No such client, or another proof.", "oauth/error.json"),
            "429": _json("Too many failures from this address; wait `retry-after` seconds.", "oauth/error.json"),
            "503": _UNAVAILABLE,
        },
    }


_REGISTRATION_SUMMARIES = {
    "register_application": "Register an application with an initial access token (RFC 7591).",
    "read_registration": "Read how your application is registered (RFC 7592).",
    "replace_registration": "Say it anew while it waits for its review.",
    "remove_registration": "Take your application back.",
}


def _registration(operation: str, status: str, *, request: bool) -> Document:
    """Describe an endpoint of registration: the token is the one that the hospital, or the registration, has given."""
    good = (
        {"description": "It is shut out."} if status == "204" else _json("As it is.", "oauth/client_information.json")
    )
    found: Document = {
        "operationId": operation,
        "tags": ["access"],
        "summary": _REGISTRATION_SUMMARIES[operation],
        "security": [],
        "responses": {status: good, "401": _json("Another token.", "oauth/error.json"), "503": _UNAVAILABLE},
    }
    if operation != "register_application":
        found["parameters"] = [{"name": "client_id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if request:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "oauth/client_metadata.json"}}},
        }
        found["responses"]["400"] = _json("It cannot be registered like this.", "oauth/error.json")
        found["responses"]["403"] = _json("It was reviewed; the hospital changes it.", "oauth/error.json")
    return found


def _page(operation: str, tag: str, summary: str, schema: str, *refusals: int) -> Document:
    answers = {"200": _json("As asked.", schema)} | {str(status): _json(TITLES[status], schema) for status in refusals}
    return {"operationId": operation, "tags": [tag], "summary": summary, "security": [], "responses": answers}


def _json(description: str, schema: str) -> Document:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": schema}}}}
