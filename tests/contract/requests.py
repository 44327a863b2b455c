"""Makes a request for any route, of its declaration alone."""

import posixpath
from typing import Any

from kernel.ids import new_id
from open_api.application import FEATURES
from open_api.docs_page.examples import example_of
from open_api.openapi import build_document
from open_api.routing import Route
from schema.registry import documents

DOCUMENT = build_document(FEATURES)
_FILLED = {"int": "1", "ymd": "2026-12-01"}


def address_of(route: Route) -> str:
    """Fill a route's address with ids of nothing."""
    path = route.path
    while "<" in path:
        before, _, rest = path.partition("<")
        parameter, _, after = rest.partition(">")
        kind = parameter.partition(":")[2]
        path = before + (str(new_id()) if kind == "uuid" else _FILLED.get(kind, "x")) + after
    return path


def query_of(route: Route) -> dict[str, Any]:
    """Give the query parameters without which the route refuses."""
    if route.query is None:
        return {}
    schema = documents()[route.query]
    choices = schema.get("anyOf") or schema.get("oneOf") or [{}]
    names = [*schema.get("required", ()), *choices[0].get("required", ())]
    values = {name: schema["properties"][name] for name in names}
    folder = posixpath.dirname(route.query)
    return {name: _example(value, folder) for name, value in values.items()}


def _example(value: dict[str, Any], folder: str) -> Any:
    if "examples" not in value:
        value = documents()[posixpath.normpath(posixpath.join(folder, value["$ref"]))]
    return value["examples"][0]


def body_of(route: Route) -> Any:
    """Make a body that the route's schema allows; None where it takes none."""
    if route.request is None:
        return None
    return example_of(DOCUMENT, {"$ref": f"#/components/schemas/{documents()[route.request]['title']}"})
