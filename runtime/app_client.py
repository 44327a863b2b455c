"""What the mini-program has of the patient surface: types, and a function for each operation.

The functions say where to and of which type; how it is sent, kept, tried again and renewed is `src/api/client.ts`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from patient_app.openapi import build_app_document
from patient_app.routing import PREFIX, Routes
from runtime.sdk import MADE, Document, target_of
from runtime.typescript_sdk import lower_camel, write_comment, write_expression, write_types

FOLDER: Final = "patient_app/miniprogram/src/api"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def app_client(features: Sequence[Routes]) -> dict[str, bytes]:
    """Make the generated files of the mini-program, by their path from the root on."""
    document = build_app_document(features)
    schemas = document["components"]["schemas"]
    types = write_types(schemas, sorted(schemas))
    return {
        f"{FOLDER}/types.ts": types.encode(),
        f"{FOLDER}/operations.ts": _operations(document).encode(),
    }


def _operations(document: Document) -> str:
    functions = [
        _Function(path.removeprefix(PREFIX), method.upper(), operation, document["components"]["schemas"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    opening = f"What can be asked of the hospital, a function each; every one may throw a Problem.\n\n{MADE}"
    lines = [
        *write_comment(opening),
        'import { change, read, type Reading } from "@/api/client";',
        'import type * as types from "@/api/types";',
    ]
    for function in functions:
        lines += function.written()
    return "\n".join(lines) + "\n"


class _Function:
    """One operation as it is written as a function."""

    def __init__(self, path: str, method: str, operation: Document, schemas: Document) -> None:
        self._path, self._method, self._schemas = path, method, schemas
        self._name = lower_camel(operation["operationId"])
        self._summary: str = operation["summary"]
        parameters = [one for one in operation["parameters"] if "$ref" not in one]
        self._in_path = [one for one in parameters if one["in"] == "path"]
        self._in_query = [one for one in parameters if one["in"] == "query"]
        body = operation.get("requestBody")
        self._body = body and target_of(body["content"]["application/json"]["schema"])
        contents = [answer.get("content", {}) for answer in operation["responses"].values()]
        given = next((one for one in contents if "application/json" in one), None)
        self._result = f"types.{target_of(given['application/json']['schema'])}" if given else "void"
        self._is_stream = any("text/event-stream" in one for one in contents)

    def written(self) -> Iterator[str]:
        """Write it, with the type of its query before it."""
        yield from self._query()
        yield ""
        yield from write_comment(self._summary)
        if self._is_stream:
            yield f"export function {self._name}Path({self._arguments()}): string {{"
            yield f"  return {self._address()};"
        elif self._method == "GET":
            asked = ", query" if self._in_query else ""
            yield f"export function {self._name}({self._arguments()}): Promise<Reading<{self._result}>> {{"
            yield f"  return read<{self._result}>({self._address()}{asked});"
        else:
            body = "body" if self._body else "undefined"
            yield f"export function {self._name}({self._arguments()}): Promise<{self._result}> {{"
            yield f'  return change<{self._result}>("{self._method}", {self._address()}, {body}, key);'
        yield "}"

    def _query(self) -> Iterator[str]:
        if not self._in_query:
            return
        yield ""
        yield from write_comment(f"What `{self._name}` may be asked.")
        yield f"export type {self._query_name} = {{"
        for one in self._in_query:
            if described := one["schema"].get("description"):
                yield from write_comment(described, "  ")
            yield f"  {one['name']}{'' if one['required'] else '?'}: {self._type(one)};"
        yield "};"

    @property
    def _query_name(self) -> str:
        return f"{self._name[0].upper()}{self._name[1:]}Query"

    def _arguments(self) -> str:
        found = [f"{lower_camel(one['name'])}: {self._type(one)}" for one in self._in_path]
        if self._body:
            found.append(f"body: types.{self._body}")
        if self._in_query:
            must = any(one["required"] for one in self._in_query)
            found.append(f"query: {self._query_name}{'' if must else ' = {}'}")
        if self._method != "GET":
            found.append("key: string")
        return ", ".join(found)

    def _address(self) -> str:
        if not self._in_path:
            return f'"{self._path}"'
        filled = _PARAMETER.sub(lambda found: f"${{{lower_camel(found[1])}}}", self._path)
        return f"`{filled}`"

    def _type(self, parameter: Document) -> str:
        kind = write_expression(parameter["schema"], "", [])
        return f"types.{kind}" if kind in self._schemas else kind
