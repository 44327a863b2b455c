"""What sdk/typescript has of the schemas and of the OpenAPI description: types, problems, and a method per operation.

Methods and arguments are named as the language has it (`bookAppointment`); what goes over the wire keeps its names.
"""

import json
import re
import textwrap
from collections.abc import Sequence
from typing import Final

from open_api.routing import Routes
from runtime.sdk import COLUMNS, MADE, Document, Operation, Surface, camel, target_of

PACKAGE: Final = "sdk/typescript/src"
_SCALARS: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "Record<string, unknown>",
}
_OPTIONS: Final = {
    (False, False): "CallOptions",
    (True, False): "ChangeOptions",
    (True, True): "DeviceOptions",
}
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")


def typescript_sdk(features: Sequence[Routes]) -> dict[str, bytes]:
    """Make the generated files of sdk/typescript, by their path from the root on."""
    surface = Surface(features)
    files = {
        "types.ts": write_types(surface.schemas, surface.reached()),
        "problems.ts": _problems(surface),
        "operations.ts": _operations(surface),
    }
    return {f"{PACKAGE}/{name}": text.encode() for name, text in files.items()}


def write_comment(text: str, indent: str = "") -> list[str]:
    """Write a comment that editors show, in lines of readable length."""
    lines = [
        line
        for paragraph in text.replace("*/", "* /").split("\n")
        for line in textwrap.wrap(paragraph, COLUMNS, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    if len(lines) == 1:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


# --- types


def write_types(schemas: Document, names: Sequence[str]) -> str:
    """Write an interface for each object that operations take or give, and a name for each value."""
    aliases: list[str] = []
    interfaces: list[str] = []
    for name in names:
        schema = schemas[name]
        if "properties" in schema:
            interfaces += _interface(name, schema, before=interfaces)
        else:
            aliases += ["", *write_comment(schema.get("description", f"{name}."))]
            aliases.append(f"export type {name} = {write_expression(schema, name, [])};")
    return "\n".join([*write_comment(f"What operations take and give.\n\n{MADE}"), *aliases, *interfaces]) + "\n"


def _interface(name: str, schema: Document, *, before: list[str]) -> list[str]:
    """Write one object; objects inside it become interfaces of their own, before it."""
    needed = set(schema.get("required", ()))
    lines = ["", *write_comment(schema.get("description", f"{name}.")), f"export interface {name} {{"]
    for field, value in schema["properties"].items():
        kind = write_expression(value, f"{name}{camel(field)}", before)
        if described := value.get("description"):
            lines += write_comment(described, "  ")
        written = field if _IDENTIFIER.fullmatch(field) else json.dumps(field)
        lines.append(f"  {written}{'' if field in needed else '?'}: {kind};")
    return [*lines, "}"]


def write_expression(schema: Document, name: str, interfaces: list[str]) -> str:
    """Write the type of a value; `interfaces` takes up objects that stand inside it."""
    if "$ref" in schema:
        return target_of(schema)
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(write_expression(one, name, interfaces) for one in schema["anyOf"])
    if "properties" in schema:
        interfaces += _interface(name, schema, before=interfaces)
        return name
    kinds = schema.get("type", "object")
    parts = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(_list_of(schema, name, interfaces) if kind == "array" else _SCALARS[kind] for kind in parts)


def _list_of(schema: Document, name: str, interfaces: list[str]) -> str:
    item = write_expression(schema["items"], f"{name}Item", interfaces)
    return f"({item})[]" if " | " in item else f"{item}[]"


# --- problems


def _problems(surface: Surface) -> str:
    """Write an error for each code that an operation may be refused with."""
    refusals = surface.refusals()
    kinds = sorted({one.kind for one in refusals})
    lines = [
        *write_comment(f"Every reason why the hospital refuses, as an error of its own.\n\n{MADE}"),
        "",
        f'import {{ {", ".join(kinds)} }} from "./errors.js";',
        'import type { ProblemClass } from "./errors.js";',
    ]
    for one in refusals:
        lines += ["", *write_comment(one.sentence), f"export class {one.name} extends {one.kind} {{"]
        lines += [f'  declare readonly code: "{one.code}";', "}"]
    lines += ["", *write_comment("The class of each code; a code that is not here has the class of its status.")]
    lines += ["export const BY_CODE: ReadonlyMap<string, ProblemClass> = new Map<string, ProblemClass>(["]
    lines += [f'  ["{one.code}", {one.name}],' for one in refusals]
    return "\n".join([*lines, "]);"]) + "\n"


# --- operations


def _operations(surface: Surface) -> str:
    """Write the class whose methods are the operations."""
    options = {_OPTIONS[one.takes_key, one.takes_device] for one in surface.operations}
    everywhere = "\n".join(f"{camel(code)}," for code in sorted(surface.everywhere)).removesuffix(",") + "."
    opening = (
        "The operations that partner applications may call, one method each.\n\n"
        f"Each names the refusals that are its own. These may come from any of them:\n{everywhere}\n\n{MADE}"
    )
    lines = [
        *write_comment(opening),
        "",
        f'import type {{ {", ".join(sorted({"Call", "ReadPage", *options}))} }} from "./calls.js";',
        'import { segment } from "./calls.js";',
        'import type * as types from "./types.js";',
        *(line for operation in surface.operations for line in _Method(surface, operation).query()),
        "",
        *write_comment("One method per operation; a client says how they are sent."),
        "export abstract class Operations {",
        *write_comment("Send a call and give what was answered.", "  "),
        "  protected abstract send<T>(call: Call): Promise<T>;",
        "",
        *write_comment("Give a list's entries, page by page as they are wanted.", "  "),
        "  protected abstract iterate<T>(readPage: ReadPage<T>): AsyncGenerator<T, void, undefined>;",
        "",
        *write_comment("Give a stream's events, coming back where it breaks.", "  "),
        "  protected abstract watch<T>(call: Call): AsyncGenerator<T, void, undefined>;",
    ]
    for operation in surface.operations:
        one = _Method(surface, operation)
        lines += one.calling()
        if operation.is_list:
            lines += one.iterating()
    return "\n".join([*lines, "}"]) + "\n"


class _Method:
    """One operation as it is written as a method."""

    def __init__(self, surface: Surface, operation: Operation) -> None:
        self._surface = surface
        self._operation = operation

    def calling(self) -> list[str]:
        """Write the method that calls it once, or reads its stream."""
        one = self._operation
        result = f"types.{one.result}"
        given = f"AsyncGenerator<{result}, void, undefined>" if one.is_stream else f"Promise<{result}>"
        return [
            "",
            *self._doc(one.summary),
            f"  {lower_camel(one.name)}({', '.join(self._arguments(one.query, self._query_name))}): {given} {{",
            f"    return this.{'watch' if one.is_stream else 'send'}({{",
            *self._call(),
            "    });",
            "  }",
        ]

    def iterating(self) -> list[str]:
        """Write the method that gives the entries of all pages."""
        one = self._operation
        query = one.query_without_cursor
        passed = [lower_camel(parameter["name"]) for parameter in one.path_parameters]
        passed += [f"{{ {'...query, ' if query else ''}cursor }}", "options"]
        arguments = ", ".join(self._arguments(query, f'Omit<{self._query_name}, "cursor">'))
        entries = f"AsyncGenerator<types.{one.entry}, void, undefined>"
        return [
            "",
            *self._doc(f"{one.summary.rstrip('.')}. All pages, one entry after another."),
            f"  {lower_camel(one.iterating_name)}({arguments}): {entries} {{",
            f"    return this.iterate((cursor) => this.{lower_camel(one.name)}({', '.join(passed)}));",
            "  }",
        ]

    def query(self) -> list[str]:
        """Write the interface of what may be asked, if anything may; a value that is undefined is left out."""
        one = self._operation
        if not one.query or one.is_stream:
            return []
        lines = [
            "",
            *write_comment(f"What `{lower_camel(one.name)}` may be asked."),
            f"export interface {self._query_name} {{",
        ]
        for told in one.query:
            if described := told.get("description"):
                lines += write_comment(described, "  ")
            kind = self._type(told)
            lines.append(f"  {told['name']}{f': {kind}' if told['required'] else f'?: {kind} | undefined'};")
        return [*lines, "}"]

    @property
    def _query_name(self) -> str:
        return f"{camel(self._operation.name)}Query"

    def _doc(self, sentence: str) -> list[str]:
        refusals = self._operation.refusals(self._surface.everywhere)
        listed = f" Refused with: {', '.join(refusals)}." if refusals else ""
        return write_comment(f"{sentence}\n\nScope: `{self._operation.scope}`.{listed}", "  ")

    def _arguments(self, query: Sequence[Document], query_type: str) -> list[str]:
        """List the parameters: what names the thing, the body or the query, and how it is to be called."""
        one = self._operation
        found = [f"{lower_camel(told['name'])}: {self._type(told)}" for told in one.path_parameters]
        if one.body:
            found.append(f"body: types.{one.body}")
        if query and not one.is_stream:
            must = any(told["required"] for told in query)
            found.append(f"query: {query_type}{'' if must else ' = {}'}")
        return [*found, f"options: {_OPTIONS[one.takes_key, one.takes_device]} = {{}}"]

    def _type(self, parameter: Document) -> str:
        kind = write_expression(parameter["schema"], "", [])
        return f"types.{kind}" if kind in self._surface.schemas else kind

    def _call(self) -> list[str]:
        one = self._operation
        path = re.sub(r"\{(\w+)\}", lambda found: f"${{segment({lower_camel(found[1])})}}", one.path)
        quote = "`" if "${" in path else '"'
        return [
            f'      method: "{one.method}",',
            f"      path: {quote}{path}{quote},",
            *(["      query,"] if one.query and not one.is_stream else []),
            *(["      body,"] if one.body else []),
            *(["      changes: true,"] if one.takes_key else []),
            *(["      isKept: true,"] if one.is_kept else []),
            "      options,",
        ]


def lower_camel(name: str) -> str:
    """Write a name as functions and values are written."""
    return name[0] + camel(name)[1:]
