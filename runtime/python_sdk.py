"""What sdk/python has of the schemas and of the OpenAPI description: types, problems, and a method per operation."""

import keyword
import re
from collections.abc import Sequence
from typing import Final

from open_api.routing import Routes
from runtime.sdk import COLUMNS, MADE, Document, Operation, Surface, camel, target_of

PACKAGE: Final = "sdk/python/hospital_openapi"
_SCALARS: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}


def python_sdk(features: Sequence[Routes]) -> dict[str, bytes]:
    """Make the generated files of sdk/python, by their path from the root on."""
    surface = Surface(features)
    files = {
        "types.py": _types(surface),
        "problems.py": _problems(surface),
        "operations.py": _operations(surface, is_async=False),
        "async_operations.py": _operations(surface, is_async=True),
    }
    return {f"{PACKAGE}/{name}": text.encode() for name, text in files.items()}


def _text(text: str, indent: str) -> list[str]:
    """Write a docstring in lines of readable length."""
    words = text.replace("\\", "\\\\").replace('"""', "'''").split()
    lines, line = [], indent + '"""'
    for word in words:
        if len(line) + len(word) > COLUMNS:
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    ending = '"""'
    return [*lines, line.rstrip() + ending]


# --- types


def _types(surface: Surface) -> str:
    """Write a TypedDict for each object that operations take or give, and a name for each value."""
    aliases: list[str] = []
    classes: list[str] = []
    for name in surface.reached():
        schema = surface.schemas[name]
        if "properties" in schema:
            classes += _typed_dict(name, schema, classes_before=classes)
        else:
            aliases += ["", f'{name}: TypeAlias = "{_expression(schema, name, [])}"']
            aliases += _text(schema.get("description", name), "")
    head = [
        '"""What operations take and give.',
        "",
        MADE,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict",
    ]
    return "\n".join([*head, *aliases, *classes]) + "\n"


def _typed_dict(name: str, schema: Document, *, classes_before: list[str]) -> list[str]:
    """Write one object; objects inside it become classes of their own, before it."""
    needed = set(schema.get("required", ()))
    fields: list[tuple[str, str, str]] = []
    for field, value in schema["properties"].items():
        kind = _expression(value, f"{name}{camel(field)}", classes_before)
        fields.append((field, kind if field in needed else f"NotRequired[{kind}]", value.get("description", "")))
    sentence = schema.get("description", f"{name}.")
    if any(keyword.iskeyword(field) or not field.isidentifier() for field, _, _ in fields):
        lines = ["", "", f"{name} = TypedDict(", f'    "{name}",', "    {"]
        for field, kind, description in fields:
            lines += [f"        # {line}" for line in _comment(description)]
            lines.append(f'        "{field}": "{kind.replace(chr(34), chr(39))}",')
        return [*lines, "    },", ")", *_text(sentence, "")]
    lines = ["", "", f"class {name}(TypedDict):", *_text(sentence, "    ")]
    for field, kind, description in fields:
        lines += ["", f"    {field}: {kind}"]
        if description:
            lines += _text(description, "    ")
    return lines


def _comment(text: str) -> list[str]:
    return [line.strip().strip('"') for line in _text(text, "")] if text else []


def _expression(schema: Document, name: str, classes: list[str]) -> str:
    """Write the type of a value; `classes` takes up objects that stand inside it."""
    if "$ref" in schema:
        return target_of(schema)
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    if "anyOf" in schema:
        return " | ".join(_expression(one, name, classes) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list[{_expression(schema['items'], f'{name}Item', classes)}]"
    if "properties" in schema:
        classes += _typed_dict(name, schema, classes_before=classes)
        return name
    kinds = schema.get("type", "object")
    parts = [kinds] if isinstance(kinds, str) else kinds
    written = [
        f"list[{_expression(schema['items'], f'{name}Item', classes)}]" if kind == "array" else _SCALARS[kind]
        for kind in parts
    ]
    return " | ".join(written)


# --- problems


def _problems(surface: Surface) -> str:
    """Write an exception for each code that an operation may be refused with."""
    refusals = surface.refusals()
    lines = [
        '"""Every reason why the hospital refuses, as an exception of its own.',
        "",
        MADE,
        '"""',
        "",
        "from typing import Final",
        "",
        "from hospital_openapi.errors import (",
        *(f"    {kind}," for kind in sorted({one.kind for one in refusals} | {"Problem"})),
        ")",
    ]
    for one in refusals:
        lines += ["", "", f"class {one.name}({one.kind}):", *_text(one.sentence, "    ")]
        lines += ["", f'    default_code = "{one.code}"']
    lines += ["", "", "BY_CODE: Final[dict[str, type[Problem]]] = {"]
    lines += [f'    "{one.code}": {one.name},' for one in refusals]
    return "\n".join([*lines, "}"]) + "\n"


# --- operations


def _operations(surface: Surface, *, is_async: bool) -> str:
    """Write the class whose methods are the operations."""
    iterator = "AsyncIterator" if is_async else "Iterator"
    name, send = ("AsyncOperations", "async def") if is_async else ("Operations", "def")
    answer = "Awaitable[Any]" if is_async else "Any"
    needed = "AsyncIterator, Awaitable, Callable" if is_async else "Callable, Iterator"
    everywhere = surface.everywhere
    lines = [
        '"""The operations that partner applications may call, one method each.',
        "",
        "Each names the refusals that are its own. These may come from any of them:",
        *(f"{camel(code)}," for code in sorted(everywhere)[:-1]),
        f"{camel(max(everywhere))}.",
        "",
        MADE,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from abc import ABC, abstractmethod",
        f"from collections.abc import {needed}",
        "from typing import Any, Literal, cast",
        "",
        "from hospital_openapi import types",
        "from hospital_openapi.exchange import Call, segment",
        "",
        "",
        f"class {name}(ABC):",
        '    """One method per operation; a client says how they are sent."""',
        "",
        "    @abstractmethod",
        f"    {send} _send(self, call: Call) -> Any:",
        '        """Send a call and give what was answered."""',
        "",
        "    @abstractmethod",
        f"    def _iterate(self, read_page: Callable[[str | None], {answer}]) -> {iterator}[Any]:",
        '        """Give a list\'s entries, page by page as they are wanted."""',
        "",
        "    @abstractmethod",
        f"    def _watch(self, call: Call) -> {iterator}[Any]:",
        '        """Give a stream\'s events, coming back where it breaks."""',
    ]
    for operation in surface.operations:
        one = _Method(surface, operation, is_async=is_async)
        lines += one.watching() if operation.is_stream else one.calling()
        if operation.is_list:
            lines += one.iterating()
    return "\n".join(lines) + "\n"


class _Method:
    """One operation as it is written as a method."""

    def __init__(self, surface: Surface, operation: Operation, *, is_async: bool) -> None:
        self._surface = surface
        self._operation = operation
        self._is_async = is_async

    def calling(self) -> list[str]:
        """Write the method that calls it once."""
        awaited = "await " if self._is_async else ""
        one = self._operation
        return [
            *self._head(one.name, self._arguments(one.query), f"types.{one.result}"),
            *self._doc(one.summary),
            *self._call(one.query),
            f'        return cast("types.{one.result}", {awaited}self._send(call))',
        ]

    def watching(self) -> list[str]:
        """Write the method that reads its stream."""
        iterator = "AsyncIterator" if self._is_async else "Iterator"
        one = self._operation
        return [
            *self._head(one.name, self._arguments([]), f"{iterator}[types.{one.result}]", can_wait=False),
            *self._doc(one.summary),
            *self._call([]),
            "        return self._watch(call)",
        ]

    def iterating(self) -> list[str]:
        """Write the method that gives the entries of all pages."""
        one = self._operation
        query = one.query_without_cursor
        iterator = "AsyncIterator" if self._is_async else "Iterator"
        passed = [parameter["name"] for parameter in one.path_parameters]
        passed += [f"{parameter['name']}={parameter['name']}" for parameter in query] + ["cursor=cursor"]
        head = self._head(one.iterating_name, self._arguments(query), f"{iterator}[types.{one.entry}]", can_wait=False)
        sentence = f"{one.summary.rstrip('.')}. All pages, one entry after another."
        call = f"lambda cursor: self.{one.name}({', '.join(passed)})"
        return [*head, *self._doc(sentence), f"        return self._iterate({call})"]

    def _head(self, name: str, arguments: list[str], result: str, *, can_wait: bool = True) -> list[str]:
        define = "async def" if self._is_async and can_wait else "def"
        return [
            "",
            f"    {define} {name}(",
            "        self,",
            *(f"        {one}," for one in arguments),
            f"    ) -> {result}:",
        ]

    def _arguments(self, query: Sequence[Document]) -> list[str]:
        """List the parameters: what names the thing, the body, then everything else by its name."""
        found = [f"{one['name']}: {self._argument_type(one)}" for one in self._operation.path_parameters]
        if body := self._operation.body:
            found.append(f"body: types.{body}")
        named = [
            f"{one['name']}: {self._argument_type(one)}" + ("" if one["required"] else " | None = None")
            for one in query
        ]
        if self._operation.takes_key:
            named.append("idempotency_key: str | None = None")
        if self._operation.takes_device:
            named.append("device_id: str | None = None")
        return [*found, *(["*", *named] if named else [])]

    def _argument_type(self, parameter: Document) -> str:
        kind = _expression(parameter["schema"], "", [])
        return f"types.{kind}" if kind in self._surface.schemas else kind

    def _doc(self, sentence: str) -> list[str]:
        refusals = self._operation.refusals(self._surface.everywhere)
        listed = f" Refused with: {', '.join(refusals)}." if refusals else ""
        first = _text(sentence, "        ")
        first[-1] = first[-1].removesuffix('"""')
        rest = _text(f"Scope: `{self._operation.scope}`.{listed}", "        ")
        rest[0] = "        " + rest[0].strip().removeprefix('"""')
        rest[-1] = rest[-1].removesuffix('"""')
        return [*first, "", *rest, '        """']

    def _call(self, query: Sequence[Document]) -> list[str]:
        path = re.sub(r"\{(\w+)\}", r"{segment(\1)}", self._operation.path)
        lines = [
            "        call = Call(",
            f'            "{self._operation.method}",',
            f'            {"f" if "{" in path else ""}"{path}",',
        ]
        if query:
            lines.append("            query={")
            lines += [f'                "{one["name"]}": {one["name"]},' for one in query]
            lines.append("            },")
        if self._operation.body:
            lines.append("            body=body,")
        if self._operation.takes_key:
            lines += ["            changes=True,", "            idempotency_key=idempotency_key,"]
        if self._operation.takes_device:
            lines.append("            device_id=device_id,")
        if self._operation.is_kept:
            lines.append("            is_kept=True,")
        return [*lines, "        )"]
