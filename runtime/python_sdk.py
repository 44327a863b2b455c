"""What sdk/python has of the schemas and of the OpenAPI description: types, problems, and a method per operation.

Only what partner applications may call is there; what is for the hospital's own applications alone is left out.
"""

import keyword
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from open_api.openapi import build_document, operation_id
from open_api.routing import Routes

Document = dict[str, Any]

PACKAGE: Final = "sdk/python/hospital_openapi"
_MADE: Final = "Made by `./hospital generate` from schema/; changes belong there."
_COMPONENT: Final = "#/components/schemas/"
_SCALARS: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}
_KINDS: Final = {
    401: "Unauthenticated",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    422: "Unprocessable",
    429: "TooManyRequests",
    503: "Unavailable",
}
_COLUMNS: Final = 110


def python_sdk(features: Sequence[Routes]) -> dict[str, bytes]:
    """Make the generated files of sdk/python, by their path from the root on."""
    document = build_document(features)
    operations = list(_partner_operations(document, features))
    files = {
        "types.py": _types(document, operations),
        "problems.py": _problems(document, operations),
        "operations.py": _operations(document, operations, is_async=False),
        "async_operations.py": _operations(document, operations, is_async=True),
    }
    return {f"{PACKAGE}/{name}": text.encode() for name, text in files.items()}


def _partner_operations(document: Document, features: Sequence[Routes]) -> Iterator[tuple[str, str, Document]]:
    """Give the method, the path and the description of what partners may call."""
    open_to_partners = {operation_id(route) for routes in features for route in routes if not route.staff_only}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] in open_to_partners:
                yield method.upper(), path, operation


def _text(text: str, indent: str) -> list[str]:
    """Write a docstring in lines of readable length."""
    words = text.replace("\\", "\\\\").replace('"""', "'''").split()
    lines, line = [], indent + '"""'
    for word in words:
        if len(line) + len(word) > _COLUMNS:
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    ending = '"""'
    return [*lines, line.rstrip() + ending]


# --- types


def _types(document: Document, operations: Sequence[tuple[str, str, Document]]) -> str:
    """Write a TypedDict for each object that operations take or give, and a name for each value."""
    schemas = document["components"]["schemas"]
    roots = [operation for _, _, operation in operations]
    names = _reached({"operations": roots, "problem": {"$ref": f"{_COMPONENT}Problem"}}, schemas)
    aliases: list[str] = []
    classes: list[str] = []
    for name in sorted(names):
        schema = schemas[name]
        if "properties" in schema:
            classes += _typed_dict(name, schema, classes_before=classes)
        else:
            aliases += ["", f'{name}: TypeAlias = "{_expression(schema, name, [])}"']
            aliases += _text(schema.get("description", name), "")
    head = [
        '"""What operations take and give.',
        "",
        _MADE,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict",
    ]
    return "\n".join([*head, *aliases, *classes]) + "\n"


def _reached(start: Any, schemas: Document) -> set[str]:
    """Name every schema that something leads to."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str) and target.startswith(_COMPONENT):
                name = target.removeprefix(_COMPONENT)
                if name not in found:
                    found.add(name)
                    waiting.append(schemas[name])
            waiting += value.values()
    return found


def _typed_dict(name: str, schema: Document, *, classes_before: list[str]) -> list[str]:
    """Write one object; objects inside it become classes of their own, before it."""
    needed = set(schema.get("required", ()))
    fields: list[tuple[str, str, str]] = []
    for field, value in schema["properties"].items():
        kind = _expression(value, f"{name}{_camel(field)}", classes_before)
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
        target: str = schema["$ref"].removeprefix(_COMPONENT)
        return target
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


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name))


# --- problems


def _problems(document: Document, operations: Sequence[tuple[str, str, Document]]) -> str:
    """Write an exception for each code that an operation may be refused with."""
    known = document["x-error-codes"]
    codes = sorted({code for _, _, operation in operations for code in _codes(operation)})
    kinds = sorted({_kind(known[code]["status"]) for code in codes} | {"Problem"})
    lines = [
        '"""Every reason why the hospital refuses, as an exception of its own.',
        "",
        _MADE,
        '"""',
        "",
        "from typing import Final",
        "",
        "from hospital_openapi.errors import (",
        *(f"    {kind}," for kind in kinds),
        ")",
    ]
    for code in codes:
        told = known[code]
        lines += ["", "", f"class {_camel(code)}({_kind(told['status'])}):"]
        lines += _text(f"{told['meaning']} Patients read: {told['zh']} / {told['en']}", "    ")
        lines += ["", f'    default_code = "{code}"']
    lines += ["", "", "BY_CODE: Final[dict[str, type[Problem]]] = {"]
    lines += [f'    "{code}": {_camel(code)},' for code in codes]
    return "\n".join([*lines, "}"]) + "\n"


def _codes(operation: Document) -> Iterator[str]:
    """List the codes that an operation says it may be refused with."""
    for response in operation["responses"].values():
        problem = response.get("content", {}).get("application/problem+json")
        if problem:
            yield from problem["schema"]["properties"]["code"]["enum"]


def _kind(status: int) -> str:
    return _KINDS.get(status, "ServerError" if status >= 500 else "BadRequest")


# --- operations


def _operations(document: Document, operations: Sequence[tuple[str, str, Document]], *, is_async: bool) -> str:
    """Write the class whose methods are the operations."""
    iterator = "AsyncIterator" if is_async else "Iterator"
    name, send = ("AsyncOperations", "async def") if is_async else ("Operations", "def")
    answer = "Awaitable[Any]" if is_async else "Any"
    needed = "AsyncIterator, Awaitable, Callable" if is_async else "Callable, Iterator"
    everywhere = set.intersection(*(set(_codes(operation)) for _, _, operation in operations))
    lines = [
        '"""The operations that partner applications may call, one method each.',
        "",
        "Each names the refusals that are its own. These may come from any of them:",
        *(f"{_camel(code)}," for code in sorted(everywhere)[:-1]),
        f"{_camel(max(everywhere))}.",
        "",
        _MADE,
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
    for method, path, operation in operations:
        one = _Operation(document, method, path, operation, is_async=is_async, everywhere=everywhere)
        lines += one.watching() if one.is_stream else one.calling()
        if one.is_list:
            lines += one.iterating()
    return "\n".join(lines) + "\n"


class _Operation:
    """One operation, and how it is written as a method."""

    def __init__(
        self,
        document: Document,
        method: str,
        path: str,
        operation: Document,
        *,
        is_async: bool,
        everywhere: set[str],
    ) -> None:
        self._everywhere = everywhere
        self._schemas = document["components"]["schemas"]
        self._method, self._path, self._operation = method, path, operation
        self._is_async = is_async
        self._shared = {one["$ref"].rpartition("/")[2] for one in operation["parameters"] if "$ref" in one}
        self._parameters = [one for one in operation["parameters"] if "$ref" not in one]
        success = next(answer for status, answer in operation["responses"].items() if status in ("200", "201"))
        self._kind, content = next(iter(success["content"].items()))
        self._result = content["schema"]["$ref"].removeprefix(_COMPONENT)

    @property
    def is_stream(self) -> bool:
        """Tell whether it answers with events, for as long as there are any."""
        return str(self._kind) == "text/event-stream"

    @property
    def is_list(self) -> bool:
        """Tell whether it answers with pages."""
        names = {one["name"] for one in self._query()}
        return "cursor" in names and {"items", "next"} <= set(self._schemas[self._result]["properties"])

    def calling(self) -> list[str]:
        """Write the method that calls it once."""
        awaited = "await " if self._is_async else ""
        return [
            *self._head(self._operation["operationId"], self._arguments(self._query()), f"types.{self._result}"),
            *self._doc(self._operation["summary"]),
            *self._call(self._query()),
            f'        return cast("types.{self._result}", {awaited}self._send(call))',
        ]

    def watching(self) -> list[str]:
        """Write the method that reads its stream."""
        iterator = "AsyncIterator" if self._is_async else "Iterator"
        name = self._operation["operationId"]
        return [
            *self._head(name, self._arguments([]), f"{iterator}[types.{self._result}]", can_wait=False),
            *self._doc(self._operation["summary"]),
            *self._call([]),
            "        return self._watch(call)",
        ]

    def iterating(self) -> list[str]:
        """Write the method that gives the entries of all pages."""
        query = [one for one in self._query() if one["name"] != "cursor"]
        name = "iterate_" + re.sub(r"^(list|read)_", "", self._operation["operationId"])
        iterator = "AsyncIterator" if self._is_async else "Iterator"
        items = self._schemas[self._result]["properties"]["items"]["items"]
        entry = _expression(items, f"{self._result}ItemsItem", []) if "$ref" in items else f"{self._result}ItemsItem"
        passed = [one["name"] for one in self._path_parameters()]
        passed += [f"{one['name']}={one['name']}" for one in query] + ["cursor=cursor"]
        head = self._head(name, self._arguments(query), f"{iterator}[types.{entry}]", can_wait=False)
        sentence = f"{self._operation['summary'].rstrip('.')}. All pages, one entry after another."
        call = f"lambda cursor: self.{self._operation['operationId']}({', '.join(passed)})"
        return [*head, *self._doc(sentence), f"        return self._iterate({call})"]

    def _query(self) -> list[Document]:
        return [one for one in self._parameters if one["in"] == "query"]

    def _path_parameters(self) -> list[Document]:
        return [one for one in self._parameters if one["in"] == "path"]

    def _head(self, name: str, arguments: list[str], result: str, *, can_wait: bool = True) -> list[str]:
        define = "async def" if self._is_async and can_wait else "def"
        return [
            "",
            f"    {define} {name}(",
            "        self,",
            *(f"        {one}," for one in arguments),
            f"    ) -> {result}:",
        ]

    def _arguments(self, query: list[Document]) -> list[str]:
        """List the parameters: what names the thing, the body, then everything else by its name."""
        found = [f"{one['name']}: {self._argument_type(one)}" for one in self._path_parameters()]
        if body := self._body():
            found.append(f"body: types.{body}")
        named = [
            f"{one['name']}: {self._argument_type(one)}" + ("" if one["required"] else " | None = None")
            for one in query
        ]
        if "IdempotencyKey" in self._shared:
            named.append("idempotency_key: str | None = None")
        if "DeviceId" in self._shared:
            named.append("device_id: str | None = None")
        return [*found, *(["*", *named] if named else [])]

    def _argument_type(self, parameter: Document) -> str:
        kind = _expression(parameter["schema"], "", [])
        return f"types.{kind}" if kind in self._schemas else kind

    def _body(self) -> str | None:
        if "requestBody" not in self._operation:
            return None
        name: str = self._operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        return name.removeprefix(_COMPONENT)

    def _doc(self, sentence: str) -> list[str]:
        scope = self._operation["security"][0]["oauth"][0]
        refusals = sorted(set(_codes(self._operation)) - self._everywhere)
        listed = f" Refused with: {', '.join(_camel(code) for code in refusals)}." if refusals else ""
        first = _text(sentence, "        ")
        first[-1] = first[-1].removesuffix('"""')
        rest = _text(f"Scope: `{scope}`.{listed}", "        ")
        rest[0] = "        " + rest[0].strip().removeprefix('"""')
        rest[-1] = rest[-1].removesuffix('"""')
        return [*first, "", *rest, '        """']

    def _call(self, query: list[Document]) -> list[str]:
        path = re.sub(r"\{(\w+)\}", r"{segment(\1)}", self._path)
        lines = [
            "        call = Call(",
            f'            "{self._method}",',
            f'            {"f" if "{" in path else ""}"{path}",',
        ]
        if query:
            lines.append("            query={")
            lines += [f'                "{one["name"]}": {one["name"]},' for one in query]
            lines.append("            },")
        if self._body():
            lines.append("            body=body,")
        if "IdempotencyKey" in self._shared:
            lines += ["            changes=True,", "            idempotency_key=idempotency_key,"]
        if "DeviceId" in self._shared:
            lines.append("            device_id=device_id,")
        if self._method == "GET" and "catalogue" in self._operation["tags"]:
            lines.append("            is_kept=True,")
        return [*lines, "        )"]
