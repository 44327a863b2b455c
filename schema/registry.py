"""Loads every schema file once and builds validators from them (jsonschema-rs: about 1 µs for a small body)."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

FOLDER = Path(__file__).resolve().parent
BASE = "https://schemas.hospital.invalid/"
VIOLATIONS_MAX = 20


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Read all schema files, by their path under `schema/`, e.g. `booking/hold.json`."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.rglob("*.json")):
        name = path.relative_to(FOLDER).as_posix()
        document = orjson.loads(path.read_bytes())
        assert document.get("$id") == name, f"{name}: $id must be its path"
        found[name] = document
    return found


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry(
        [(BASE + name, document | {"$id": BASE + name}) for name, document in documents().items()]
    )


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Build the validator of one schema file; formats are checked."""
    return jsonschema_rs.Draft202012Validator(
        documents()[name] | {"$id": BASE + name}, registry=_registry(), validate_formats=True
    )


def violations(name: str, value: object) -> list[dict[str, str]]:
    """List what is wrong with a value: where (JSON Pointer, RFC 6901) and which rule; never the value itself."""
    return list(_violations(name, value))


def _violations(name: str, value: object) -> Iterator[dict[str, str]]:
    for number, error in enumerate(validator(name).iter_errors(value)):
        if number == VIOLATIONS_MAX:
            return
        kind: Any = error.kind  # a union of classes, one for each rule, with attributes of its own
        rule = str(kind.name)
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path)
        found = {"pointer": pointer or "/", "rule": rule, "message": _MESSAGES.get(rule, "does not fit the schema")}
        if rule == "required":
            found["pointer"] = f"{pointer}/{kind.property}"
        elif rule == "additionalProperties":
            found["message"] = "unknown field: " + ", ".join(str(field)[:40] for field in kind.unexpected[:5])
        yield found


_MESSAGES = {
    "required": "is required",
    "type": "has the wrong type",
    "format": "has the wrong format",
    "pattern": "has characters or a form that are not allowed",
    "enum": "is not one of the allowed values",
    "const": "is not the allowed value",
    "minLength": "is too short",
    "maxLength": "is too long",
    "minimum": "is too small",
    "maximum": "is too large",
    "minItems": "has too few entries",
    "maxItems": "has too many entries",
    "oneOf": "must fit exactly one of the allowed forms",
    "anyOf": "must fit one of the allowed forms",
}
