"""Hypothesis strategies from our schemas: values that fit, and values that were tampered with."""

import posixpath
import string
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from schema.registry import documents

Schema = dict[str, Any]

HOSTILE_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\nx-evil: 1",
    "\u202e\u2028",
    "\ud800",
    "'; DROP TABLE appointment; --",
    "' OR '1'='1",
    "%' OR 1=1 --",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "𠮷" * 50,
    "x" * 5_000,
    "NaN",
    "null",
)
HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -(2**63), 2**63, 10**400, [], {}, [None], {"": ""}, [[[[[[[[]]]]]]]],
    {"$ref": "x"}, {"__proto__": {}},
)  # fmt: skip


def values_of(name: str, known_ids: list[str]) -> st.SearchStrategy[Any]:
    """Make values that fit a schema file as far as its parts say; ids are often of things that exist."""
    return _values(documents()[name], posixpath.dirname(name), known_ids)


def _values(schema: Schema, folder: str, known_ids: list[str]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        name = posixpath.normpath(posixpath.join(folder, schema["$ref"]))
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _values(documents()[name] | beside, posixpath.dirname(name), known_ids)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema and "type" not in schema:
        return st.one_of(*(_values(branch, folder, known_ids) for branch in schema["anyOf"]))
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        return st.one_of(*(_values(schema | {"type": one}, folder, known_ids) for one in kind))
    return _typed(kind, schema, folder, known_ids)


def _typed(kind: str, schema: Schema, folder: str, known_ids: list[str]) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    made: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "object": lambda: _objects(schema, folder, known_ids),
        "array": lambda: st.lists(_values(schema["items"], folder, known_ids), max_size=3),
        "integer": lambda: st.integers(low, high),
        "number": lambda: st.floats(low, high, allow_nan=False),
        "boolean": st.booleans,
        "null": st.none,
        "string": lambda: _texts(schema, known_ids),
    }
    return made[kind]()


def _objects(schema: Schema, folder: str, known_ids: list[str]) -> st.SearchStrategy[Any]:
    fields = {name: _values(value, folder, known_ids) for name, value in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    branches = [set(branch.get("required", ())) for key in ("oneOf", "anyOf") for branch in schema.get(key, ())]

    def with_branch(branch: set[str]) -> st.SearchStrategy[Any]:
        wanted = required | branch
        others = set().union(*branches) - wanted if "oneOf" in schema else set()
        optional = {name: value for name, value in fields.items() if name not in wanted | others}
        return st.fixed_dictionaries({name: fields[name] for name in wanted}, optional=optional)

    return st.one_of(*(with_branch(branch) for branch in branches or [set()]))


def _texts(schema: Schema, known_ids: list[str]) -> st.SearchStrategy[str]:
    if schema.get("format") == "uuid":
        return st.one_of(st.sampled_from(known_ids), st.uuids().map(str))
    if schema.get("format") == "date":
        return st.dates().map(lambda day: day.isoformat())
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda at: at.isoformat() + "Z")
    if "pattern" in schema:
        return st.one_of(
            st.from_regex(schema["pattern"], fullmatch=True), st.just(str(schema.get("examples", ["x"])[0]))
        )
    return st.text(
        string.printable, min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 50), 200)
    )


@st.composite
def tampered(draw: st.DrawFn, fitting: st.SearchStrategy[Any]) -> Any:
    """Change one thing of a value that fits: leave a field out, add one, or put something hostile in its place."""
    value = draw(fitting)
    hostile = st.one_of(st.sampled_from(HOSTILE_TEXTS), st.sampled_from(HOSTILE_VALUES), st.text(max_size=20))
    if not isinstance(value, dict):
        return draw(hostile)
    changed = dict(value)
    names = st.sampled_from(sorted(value)) if value else st.just("surprise")
    match draw(st.sampled_from(("replace", "replace", "drop", "add", "whole"))):
        case "replace":
            name = draw(names)
            inner = changed.get(name)
            changed[name] = draw(tampered(st.just(inner))) if isinstance(inner, dict) else draw(hostile)
        case "drop":
            changed.pop(draw(names), None)
        case "add":
            changed[draw(st.one_of(st.sampled_from(HOSTILE_TEXTS), st.text(max_size=20)))] = draw(hostile)
        case _:
            return draw(hostile)
    return changed
