"""Every schema file is a schema, and nothing of unknown name or without an end comes in over the open API."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from open_api.application import FEATURES
from schema.registry import documents, validator

BOUNDS = {
    "string": {"maxLength", "pattern", "enum", "const", "format"},
    "array": {"maxItems"},
    "integer": {"maximum", "enum", "const"},
    "number": {"maximum", "enum", "const"},
}
ESCAPES_AND_CLASSES = re.compile(r"\\.|\[[^\]]*\]")
ENDLESS = re.compile(r"[*+]|,\}")

Part = tuple[str, dict[str, Any]]


def _incoming() -> set[str]:
    """Name the files that say what a caller may send, and those that they refer to."""
    waiting = [name for routes in FEATURES for route in routes for name in (route.request, route.query) if name]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [_resolve(name, part["$ref"]) for _, part in _parts(documents()[name]) if "$ref" in part]
    return found


def _resolve(name: str, reference: str) -> str:
    path = PurePosixPath(name).parent
    for step in reference.partition("#")[0].split("/"):
        path = path.parent if step == ".." else path / step
    return str(path) if reference.partition("#")[0] else name


def _parts(part: Any, pointer: str = "") -> Iterator[Part]:
    """Walk through a document's subschemas."""
    if isinstance(part, dict):
        yield pointer or "/", part
        for name, value in part.items():
            yield from _parts(value, f"{pointer}/{name}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _parts(value, f"{pointer}/{number}")


def _types(part: dict[str, Any]) -> set[str]:
    given = part.get("type")
    if isinstance(given, str):
        return {given}
    return set(given) if isinstance(given, list) else set()


def _is_open(part: dict[str, Any]) -> bool:
    return "object" in _types(part) and "additionalProperties" not in part and "unevaluatedProperties" not in part


def _is_endless(part: dict[str, Any]) -> bool:
    if "$ref" in part:
        return False  # The file referred to is looked at by itself.
    for kind in _types(part) & set(BOUNDS):
        bounds = BOUNDS[kind] & set(part)
        if not bounds:
            return True
        if bounds == {"pattern"} and ENDLESS.search(ESCAPES_AND_CLASSES.sub("", part["pattern"])):
            return True
    return False


@pytest.mark.parametrize("name", documents())
def test_a_file_is_a_schema_of_2020_12(name: str) -> None:
    document = documents()[name]
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(document)
    # It can be built: every file that it refers to is there.
    validator(name)


def test_what_comes_in_is_found() -> None:
    assert {"booking/hold_request.json", "booking/slot_query.json", "patients/document.json"} <= _incoming()


def test_nothing_unknown_is_taken() -> None:
    found = [f"{name}{at}" for name in sorted(_incoming()) for at, part in _parts(documents()[name]) if _is_open(part)]
    assert found == []


def test_whatever_comes_in_has_an_end() -> None:
    found = [
        f"{name}{at}" for name in sorted(_incoming()) for at, part in _parts(documents()[name]) if _is_endless(part)
    ]
    assert found == []
