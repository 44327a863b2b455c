"""The OpenAPI 3.1 description of the partner surface, assembled from the routes and the schema files.

Nothing in it is written twice: paths, parameters, bodies, answers, scopes and errors are those that the guard
enforces. `./hospital generate` writes it to openapi.json beside this file; a test compares.
"""

import inspect
import posixpath
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from kernel.errors import HospitalError
from open_api.oauth.scopes import SCOPES
from open_api.openapi_machines import machine_paths
from open_api.problems import STATUS, TITLES
from open_api.refusals import ELSEWHERE, errors_of
from open_api.routing import PREFIX, Route, Routes
from schema.registry import documents

VERSION: Final = "1.0.0"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SECURITY: Final = "oauth"
PATH_PARAMETER: Final = re.compile(r"<(\w+):(\w+)>")
_PATH_TYPES: Final[dict[str, dict[str, Any]]] = {
    "uuid": {"$ref": "common/id.json"},
    "ymd": {"$ref": "common/date.json"},
    "int": {"type": "integer"},
    "str": {"type": "string"},
}

# What OpenAPI cannot say of parameters: that one wants another, or that one of several is needed.
_RULES_AMONG_PARAMETERS: Final = ("anyOf", "oneOf", "dependentRequired", "if", "then")

Document = dict[str, Any]


def build_document(features: Sequence[Routes]) -> Document:
    """Describe the features' routes, the token endpoint and the health pages.

    Raises:
        ValueError: two schemas have one title, or two operations one name.
    """
    routes = [route for feature in features for route in feature]
    paths: dict[str, Document] = defaultdict(dict)
    for route in routes:
        paths[_path(route)][route.method.lower()] = _operation(route)
    paths |= machine_paths()
    require_names_once(paths)
    whole: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Hospital Open API",
            "version": VERSION,
            "description": (
                "Departments, schedules and seats of the hospital, patients by real name, holds and appointments."
                " Errors are problem details (RFC 9457) with a stable `code`; the sentence in `detail` can be shown"
                " to a patient, in Chinese or, if Accept-Language puts it first, in English."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": DIALECT,
        "servers": [{"url": "/", "description": "This hospital"}],
        "tags": _tags(routes),
        "paths": dict(paths),
        "components": {
            "securitySchemes": {SECURITY: _security_scheme()},
            "parameters": PARAMETERS,
            "headers": HEADERS,
        },
        "x-error-codes": describe_codes({error for route in routes for error in errors_of(route)} | set(ELSEWHERE)),
    }
    return with_schemas(whole)


def require_names_once(paths: dict[str, Document]) -> None:
    """Check that each operation has a name of its own.

    Raises:
        ValueError.
    """
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    if len(names) != len(set(names)):
        raise ValueError(f"operations of one name: {sorted(name for name in names if names.count(name) > 1)}")


# --- operations


def _path(route: Route) -> str:
    return PREFIX + PATH_PARAMETER.sub(r"{\1}", route.path)


def operation_id(route: Route) -> str:
    """Name an operation for generated clients: the handler's name; those of the administration are marked."""
    return f"administration_{route.name}" if route.path.startswith("/administration/") else route.name


def _operation(route: Route) -> Document:
    handler: Any = route.handler  # a function, though its type only says that it can be called
    summary = inspect.getdoc(handler) or ""
    operation: Document = {
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": summary.partition("\n")[0],
        "security": [{SECURITY: [route.scope]}],
        "parameters": _parameters(route),
    }
    if deprecation := route.handling.deprecation:
        operation["deprecated"] = True
        operation["x-sunset"] = deprecation.sunset.isoformat()
    if route.query:
        asked = documents()[route.query]
        if rules := {key: asked[key] for key in _RULES_AMONG_PARAMETERS if key in asked}:
            operation["description"] = asked.get("description", summary)
            operation["x-parameter-rules"] = rules
    if route.request:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": route.request}}},
        }
    operation["responses"] = _responses(route)
    return operation


def described_parameters(path: str, query: str | None) -> list[Document]:
    """Describe what an operation's path and query take; query is a schema file by path."""
    found: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_TYPES[kind]}
        for name, kind in PATH_PARAMETER.findall(path)
    ]
    if query:
        schema = documents()[query]
        for name, value in schema["properties"].items():
            found.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in schema.get("required", ()),
                    "schema": _rebased(value, posixpath.dirname(query)),
                }
            )
    return found


def _parameters(route: Route) -> list[Document]:
    found = described_parameters(route.path, route.query)
    shared = ["AcceptLanguage", "RequestId"]
    if route.is_stream:
        shared.append("LastEventId")
    elif route.method == "GET":
        shared.append("IfNoneMatch")
    if route.changes_state:
        shared += ["IdempotencyKey", "ActingStaff", "DeviceId"]
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in shared]


def _responses(route: Route) -> Document:
    responses: Document = {}
    for status in (route.status, *route.other_statuses):
        headers = {
            "x-request-id": {"$ref": "#/components/headers/RequestId"},
            "ratelimit": {"$ref": "#/components/headers/RateLimit"},
            "ratelimit-policy": {"$ref": "#/components/headers/RateLimitPolicy"},
        }
        if route.method == "GET" and not route.is_stream:
            headers["etag"] = {"$ref": "#/components/headers/ETag"}
        if route.handling.deprecation:
            headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in ("Deprecation", "Sunset", "Link")}
        if status == 201:
            headers["location"] = {"$ref": "#/components/headers/Location"}
        responses[str(status)] = {"description": _ANSWERS.get(status, "Done."), "headers": headers}
        if route.response and status != 204:
            kind = "text/event-stream" if route.is_stream else "application/json"
            responses[str(status)]["content"] = {kind: {"schema": {"$ref": route.response}}}
    if route.method == "GET" and not route.is_stream:
        responses["304"] = {"description": "Unchanged since the answer whose tag was sent in If-None-Match."}
    return responses | described_refusals(errors_of(route))


def described_refusals(errors: Iterable[type[HospitalError]]) -> Document:
    """Describe what an operation refuses with, by status."""
    by_status: dict[int, list[type[HospitalError]]] = defaultdict(list)
    for error in errors:
        by_status[STATUS[error.code]].append(error)
    return {str(status): _refusal(status, alike) for status, alike in sorted(by_status.items())}


def _refusal(status: int, errors: Iterable[type[HospitalError]]) -> Document:
    lines = [f"- `{error.code}` {error.en}" for error in errors]
    headers = {"x-request-id": {"$ref": "#/components/headers/RequestId"}}
    if status in (429, 503):
        headers["retry-after"] = {"$ref": "#/components/headers/RetryAfter"}
    schema = {
        "allOf": [{"$ref": "common/problem.json"}],
        "properties": {"code": {"enum": [error.code for error in errors]}},
    }
    return {
        "description": f"{TITLES[status]}\n\n" + "\n".join(lines),
        "headers": headers,
        "content": {"application/problem+json": {"schema": schema}},
    }


_ANSWERS: Final = {200: "Done.", 201: "Created.", 204: "Nothing will happen any more: do not come back."}

PARAMETERS: Final[Document] = {
    "AcceptLanguage": {
        "name": "Accept-Language", "in": "header", "schema": {"type": "string", "examples": ["en"]},
        "description": "`en` first: sentences in English. Otherwise they are in Chinese.",
    },
    "RequestId": {
        "name": "X-Request-Id", "in": "header",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
        "description": "Your own name for the request; it is given back and stands in our logs. We make one otherwise.",
    },
    "IfNoneMatch": {
        "name": "If-None-Match", "in": "header", "schema": {"type": "string"},
        "description": "The `etag` of an answer that you have kept: 304 and no body if it is still the same.",
    },
    "LastEventId": {
        "name": "Last-Event-ID", "in": "header", "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
        "description": "The id of the last event that you have had: what has happened since is told first.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key", "in": "header",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$", "examples": ["order-20261201-000017"]},
        "description": (
            "A key of yours for this one change. The same key with the same request gives the same answer, however"
            " often it is sent; with another request it is refused. Kept for seven days."
        ),
    },
    "DeviceId": {
        "name": "Device-Id", "in": "header",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{8,128}$", "examples": ["9f1c2b7e-installation"]},
        "description": (
            "An opaque name of the patient's device, made by your application and always the same. We keep a keyed hash"
            " of it for two days, to limit how much one device holds and books."
        ),
    },
    "ActingStaff": {
        "name": "Acting-Staff", "in": "header",
        "schema": {"type": "string", "maxLength": 16, "examples": ["S0001"]},
        "description": "The member of staff for whom one of the hospital's own applications acts; it has to name one.",
    },
}  # fmt: skip

HEADERS: Final[Document] = {
    "RequestId": {"description": "Finds this request in our logs.", "schema": {"type": "string"}},
    "ETag": {"description": "Names this very answer; send it as If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where what was made can be read.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "Of your limit that is nearest to its end: what is left (r), and the seconds until more (t).",
        "schema": {"type": "string", "examples": ['"care";r=9870;t=7']},
    },
    "RateLimitPolicy": {
        "description": "The limits that count for this operation: so many requests (q) in so many seconds (w).",
        "schema": {"type": "string", "examples": ['"care";q=10000;w=10, "all-daily";q=20000000;w=86400']},
    },
    "Deprecation": {
        "description": "Since when this route is deprecated (RFC 9745): `@` and seconds since 1970.",
        "schema": {"type": "string"},
    },
    "Sunset": {"description": "When this route will have gone (RFC 8594).", "schema": {"type": "string"}},
    "Link": {"description": "The page that says what to use instead.", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}},
}


def _security_scheme() -> Document:
    flow = {"tokenUrl": "/oauth/token", "scopes": SCOPES}
    return {"type": "oauth2", "description": "An application acts as itself.", "flows": {"clientCredentials": flow}}


def _tags(routes: Iterable[Route]) -> list[Document]:
    """Describe each tag by the first line of the module that serves it."""
    modules = {route.tag: route.handler.__module__ for route in routes}
    described = {tag: (sys.modules[module].__doc__ or "").partition("\n")[0] for tag, module in modules.items()}
    described |= {"access": "How an application gets a token.", "health": "Whether the service lives and can serve."}
    return [{"name": name, "description": text} for name, text in described.items()]


def describe_codes(errors: Iterable[type[HospitalError]]) -> Document:
    """Tell what each code means, with the sentences that patients read."""
    return {
        error.code: {
            "status": STATUS[error.code],
            "zh": error.zh,
            "en": error.en,
            "meaning": " ".join((inspect.getdoc(error) or "").split()),
        }
        for error in sorted(errors, key=lambda error: error.code)
    }


# --- schemas


def with_schemas(whole: Document) -> Document:
    """Turn references to schema files into references to components, and bring along every schema they lead to."""
    titles: dict[str, str] = {}
    found: dict[str, Document] = {}
    waiting: list[str] = []

    def resolve(value: Any, folder: str) -> Any:
        if isinstance(value, list):
            return [resolve(entry, folder) for entry in value]
        if not isinstance(value, dict):
            return value
        resolved = {key: resolve(entry, folder) for key, entry in value.items()}
        target = value.get("$ref")
        if isinstance(target, str) and not target.startswith("#"):
            name = posixpath.normpath(posixpath.join(folder, target))
            resolved["$ref"] = f"#/components/schemas/{name_of(name)}"
        return resolved

    def name_of(name: str) -> str:
        title: str = documents()[name]["title"]
        if titles.setdefault(title, name) != name:
            raise ValueError(f"{name} and {titles[title]} have the title {title}")
        if name not in waiting:
            waiting.append(name)
        return title

    resolved: Document = resolve(whole, "")
    for name in waiting:  # grows while it is walked
        schema = {key: value for key, value in documents()[name].items() if key not in ("$id", "$schema")}
        found[schema["title"]] = resolve(schema, posixpath.dirname(name))
    resolved["components"]["schemas"] = dict(sorted(found.items()))
    return resolved


def _rebased(value: Any, folder: str) -> Any:
    """Write references of a schema file as seen from the schema folder itself."""
    if isinstance(value, list):
        return [_rebased(entry, folder) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        key: posixpath.normpath(posixpath.join(folder, entry)) if key == "$ref" else _rebased(entry, folder)
        for key, entry in value.items()
    }
