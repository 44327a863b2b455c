"""The description says what the routes do, is well-formed, and holds together."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from open_api.application import FEATURES
from open_api.docs_page.examples import example_of
from open_api.docs_page.page import render_page
from open_api.openapi import build_document, operation_id
from open_api.problems import STATUS
from open_api.refusals import errors_of
from open_api.routing import Route, Routes
from schema.registry import documents, violations

DOCUMENT = build_document(FEATURES)
ROUTES = [route for feature in FEATURES for route in feature]
OPERATIONS = [
    (method, path, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


def operation_of(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for _, _, entry in OPERATIONS if entry["operationId"] == operation_id(route))
    return found


def follow(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for entry in value.values():
            yield from references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from references(entry)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    assert [reference for reference in found if not reference.startswith("#/components/")] == []
    for reference in found:
        assert follow(reference), reference


def test_every_schema_is_one_and_used() -> None:
    """OpenAPI 3.1 schemas are JSON Schema 2020-12; nothing is described that no operation leads to."""
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in DOCUMENT["components"]["schemas"])
    used = {reference.rpartition("/")[2] for reference in references(DOCUMENT) if "/schemas/" in reference}
    assert used == set(DOCUMENT["components"]["schemas"])


def test_the_form_is_that_of_openapi_3_1() -> None:
    """Fields and kinds that the OpenAPI 3.1 specification wants of each object (sections 4.8.1 to 4.8.30)."""
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    assert DOCUMENT["info"].keys() >= {"title", "version"}
    allowed = {
        "openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags",
        "externalDocs",
    }  # fmt: skip
    assert {key for key in DOCUMENT if not key.startswith("x-")} <= allowed
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert len(tags) == len(set(tags))
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    for method, path, operation in OPERATIONS:
        assert path.startswith("/")
        assert method in {"get", "put", "post", "delete", "patch"}
        assert operation["summary"], operation["operationId"]
        assert len(operation["summary"]) < 120, operation["operationId"]
        assert set(operation["tags"]) <= set(tags)
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
        assert all(response["description"] for response in operation["responses"].values())
        given = [follow(entry["$ref"]) if "$ref" in entry else entry for entry in operation.get("parameters", [])]
        assert len({(entry["name"], entry["in"]) for entry in given}) == len(given)
        in_path = {entry["name"] for entry in given if entry["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), path
        assert all(entry["required"] for entry in given if entry["in"] == "path")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_an_operation_says_what_its_route_takes_gives_and_refuses(route: Route) -> None:
    operation = operation_of(route)
    assert operation["security"] == [{"oauth": [route.scope]}]
    assert route.scope in DOCUMENT["components"]["securitySchemes"]["oauth"]["flows"]["clientCredentials"]["scopes"]
    assert ("requestBody" in operation) == (route.request is not None)
    names = {entry.get("$ref", "").rpartition("/")[2] for entry in operation["parameters"]}
    assert ({"IdempotencyKey", "ActingStaff"} <= names) == route.changes_state
    is_plain_read = route.method == "GET" and not route.is_stream
    assert ("IfNoneMatch" in names) == is_plain_read
    assert ("304" in operation["responses"]) == is_plain_read
    assert ("LastEventId" in names) == ("204" in operation["responses"]) == route.is_stream
    if route.query:
        asked = {entry["name"] for entry in operation["parameters"] if entry.get("in") == "query"}
        assert asked == set(documents()[route.query]["properties"])
    said = {
        (int(status), code)
        for status, response in operation["responses"].items()
        if "application/problem+json" in response.get("content", {})
        for code in response["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"]
    }
    assert said == {(STATUS[error.code], error.code) for error in errors_of(route)}
    for code in {code for _, code in said}:
        assert DOCUMENT["x-error-codes"][code].keys() == {"status", "zh", "en", "meaning"}


@pytest.mark.parametrize("name", sorted({r for route in ROUTES for r in (route.request, route.response) if r}))
def test_the_examples_fit_their_schemas(name: str) -> None:
    title = documents()[name]["title"]
    example = example_of(DOCUMENT, {"$ref": f"#/components/schemas/{title}"})
    assert violations(name, example) == []


def test_two_operations_of_one_name_are_refused() -> None:
    twice = Routes("twice")
    twice.entries += [ROUTES[0], ROUTES[0]]
    twice.entries[1] = Route("POST", *(getattr(ROUTES[0], name) for name in ("path", "scope", "handler", "tag")))
    with pytest.raises(ValueError, match=ROUTES[0].handler.__name__):
        build_document([twice])


# --- the page


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "a":
            self.links.append(str(values["href"]))
        self.loads += [f"{tag} {name}" for name in ("src", "srcset", "style", "onclick") if name in values]
        assert tag not in ("link", "img", "iframe", "object", "base", "form")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page() -> _Page:
    parsed = _Page()
    parsed.feed(render_page(DOCUMENT)[0])
    return parsed


def test_the_page_loads_nothing(page: _Page) -> None:
    assert page.loads == []
    content, policy = render_page(DOCUMENT)
    assert "url(" not in content
    assert "@import" not in content
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_explains_every_operation_and_every_code(page: _Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert [one for one in page.ids if not re.fullmatch(r"[a-z0-9_.-]+", one)] == []
    assert {operation["operationId"] for _, _, operation in OPERATIONS} <= set(page.ids)
    assert set(DOCUMENT["x-error-codes"]) <= set(page.ids)
    text = "".join(page.text)
    for code in DOCUMENT["x-error-codes"].values():
        assert code["zh"] in text
        assert code["en"] in text


def test_the_pages_links_lead_somewhere(page: _Page) -> None:
    assert [link for link in page.links if link.startswith("#") and link[1:] not in page.ids] == []
    assert {link for link in page.links if not link.startswith("#")} == {"/open/v1/openapi.json"}


def test_what_a_schema_says_is_text_on_the_page() -> None:
    hostile = DOCUMENT | {"info": DOCUMENT["info"] | {"title": "<script>alert(1)</script>"}}
    assert "<script>alert" not in render_page(hostile)[0]
