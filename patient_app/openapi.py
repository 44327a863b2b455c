"""The OpenAPI 3.1 description of the patient surface: what its own client is made from, and its engineers read.

Assembled of the routes and schema files by the same pieces as the open API's; nothing in it is written twice.
"""

import inspect
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from open_api.openapi import (
    DIALECT,
    HEADERS,
    PARAMETERS,
    PATH_PARAMETER,
    Document,
    describe_codes,
    described_parameters,
    described_refusals,
    require_names_once,
    with_schemas,
)
from patient_app.refusals import errors_of
from patient_app.routing import NO_CONTENT, PREFIX, Route, Routes

VERSION: Final = "1.0.0"
SECURITY: Final = "session"
_ANSWERS: Final = {200: "Done.", 201: "Created.", 204: "Done; there is nothing to tell."}
_SHARED: Final = ("AcceptLanguage", "RequestId", "IfNoneMatch", "LastEventId", "IdempotencyKey")
_HEADERS: Final = ("RequestId", "ETag", "Location", "RetryAfter")


def build_app_document(features: Sequence[Routes]) -> Document:
    """Describe the features' routes.

    Raises:
        ValueError: two schemas have one title, or two operations one name.
    """
    routes = [route for feature in features for route in feature]
    paths: dict[str, Document] = defaultdict(dict)
    for route in routes:
        paths[PREFIX + PATH_PARAMETER.sub(r"{\1}", route.path)][route.method.lower()] = _operation(route)
    require_names_once(paths)
    return with_schemas(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Hospital patient surface",
                "version": VERSION,
                "description": "What the hospital's own mini-program and pages ask; it changes with them.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "jsonSchemaDialect": DIALECT,
            "servers": [{"url": "/", "description": "This hospital"}],
            "paths": dict(paths),
            "components": {
                "securitySchemes": {SECURITY: {"type": "http", "scheme": "bearer"}},
                "parameters": {name: PARAMETERS[name] for name in _SHARED},
                "headers": {name: HEADERS[name] for name in _HEADERS},
            },
            "x-error-codes": describe_codes({error for route in routes for error in errors_of(route)}),
        }
    )


def _operation(route: Route) -> Document:
    handler: Any = route.handler  # a function, though its type only says that it can be called
    operation: Document = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": (inspect.getdoc(handler) or "").partition("\n")[0],
        "security": [] if route.is_public else [{SECURITY: []}],
        "parameters": described_parameters(route.path, route.query) + _shared(route),
    }
    if route.request:
        content = {"application/json": {"schema": {"$ref": route.request}}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _responses(route)
    return operation


def _shared(route: Route) -> list[Document]:
    names = ["AcceptLanguage", "RequestId"]
    if route.is_stream:
        names.append("LastEventId")
    elif route.method == "GET":
        names.append("IfNoneMatch")
    if route.changes_state and not route.is_public:
        names.append("IdempotencyKey")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _responses(route: Route) -> Document:
    responses: Document = {}
    for status in route.statuses:
        headers = {"x-request-id": {"$ref": "#/components/headers/RequestId"}}
        if route.method == "GET" and not route.is_stream:
            headers["etag"] = {"$ref": "#/components/headers/ETag"}
        if status == 201:
            headers["location"] = {"$ref": "#/components/headers/Location"}
        responses[str(status)] = {"description": _ANSWERS[status], "headers": headers}
        if route.response and status != NO_CONTENT:
            kind = "text/event-stream" if route.is_stream else "application/json"
            responses[str(status)]["content"] = {kind: {"schema": {"$ref": route.response}}}
    if route.method == "GET" and not route.is_stream:
        responses["304"] = {"description": "Unchanged since the answer whose tag was sent in If-None-Match."}
    return responses | described_refusals(errors_of(route))
