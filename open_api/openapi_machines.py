"""The description of what stands outside /open/v1: tokens, keys, metadata and health."""

from typing import Any

from open_api.problems import TITLES

Document = dict[str, Any]


def machine_paths() -> dict[str, Document]:
    """Describe the paths that are no routes behind the guard."""
    return {
        "/oauth/token": {"post": _token()},
        "/oauth/jwks": {
            "get": _page("get_jwks", "access", "Read the keys that verify access tokens.", "oauth/jwks.json")
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
            "503": {
                "description": f"{TITLES[503]}\n\n- `kernel.database_unavailable`",
                "content": {"application/problem+json": {"schema": {"$ref": "common/problem.json"}}},
            },
        },
    }


def _page(operation: str, tag: str, summary: str, schema: str, *refusals: int) -> Document:
    answers = {"200": _json("As asked.", schema)} | {str(status): _json(TITLES[status], schema) for status in refusals}
    return {"operationId": operation, "tags": [tag], "summary": summary, "security": [], "responses": answers}


def _json(description: str, schema: str) -> Document:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": schema}}}}
