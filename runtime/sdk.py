"""What a client of the open API is made from, in whatever language: the operations that partners may call.

What is for the hospital's own applications alone is left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from open_api.openapi import build_document, operation_id
from open_api.routing import Routes

Document = dict[str, Any]

MADE: Final = "Made by `./hospital generate` from schema/; changes belong there."
COLUMNS: Final = 110
_COMPONENT: Final = "#/components/schemas/"
_KINDS: Final = {
    401: "Unauthenticated",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    422: "Unprocessable",
    429: "TooManyRequests",
    503: "Unavailable",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason why the hospital refuses. kind: the class of its status, below which it stands."""

    code: str
    name: str
    kind: str
    sentence: str


class Operation:
    """One operation, as the OpenAPI description has it."""

    def __init__(self, document: Document, *, method: str, path: str, operation: Document) -> None:
        self._schemas = document["components"]["schemas"]
        self.described = operation
        self.method, self.path = method, path
        self.name: str = operation["operationId"]
        self.summary: str = operation["summary"]
        self.scope: str = operation["security"][0]["oauth"][0]
        self.codes = set(_codes(operation))
        self._shared = {one["$ref"].rpartition("/")[2] for one in operation["parameters"] if "$ref" in one}
        parameters = [one for one in operation["parameters"] if "$ref" not in one]
        self.query: list[Document] = [one for one in parameters if one["in"] == "query"]
        self.path_parameters: list[Document] = [one for one in parameters if one["in"] == "path"]
        success = next(answer for status, answer in operation["responses"].items() if status in ("200", "201"))
        self._kind, content = next(iter(success["content"].items()))
        self.result = target_of(content["schema"])

    @property
    def body(self) -> str | None:
        """Name the schema of what is sent, if anything is."""
        if "requestBody" not in self.described:
            return None
        return target_of(self.described["requestBody"]["content"]["application/json"]["schema"])

    @property
    def takes_key(self) -> bool:
        """Tell whether it changes something, once for each idempotency key."""
        return "IdempotencyKey" in self._shared

    @property
    def takes_device(self) -> bool:
        """Tell whether it wants to know the patient's device."""
        return "DeviceId" in self._shared

    @property
    def is_kept(self) -> bool:
        """Tell whether its answer may be kept: the directory holds nothing of patients."""
        return self.method == "GET" and "catalogue" in self.described["tags"]

    @property
    def is_stream(self) -> bool:
        """Tell whether it answers with events, for as long as there are any."""
        return str(self._kind) == "text/event-stream"

    @property
    def is_list(self) -> bool:
        """Tell whether it answers with pages."""
        names = {one["name"] for one in self.query}
        return "cursor" in names and {"items", "next"} <= set(self._schemas[self.result]["properties"])

    @property
    def iterating_name(self) -> str:
        """Name what gives the entries of all its pages."""
        return "iterate_" + re.sub(r"^(list|read)_", "", self.name)

    @property
    def query_without_cursor(self) -> list[Document]:
        """List what may be asked of all pages."""
        return [one for one in self.query if one["name"] != "cursor"]

    @property
    def entry(self) -> str:
        """Name the type of one entry of its pages; an object inside the page has a name made from the page's."""
        items = self._schemas[self.result]["properties"]["items"]["items"]
        return target_of(items) if "$ref" in items else f"{self.result}ItemsItem"

    def refusals(self, everywhere: set[str]) -> list[str]:
        """Name the refusals that are its own."""
        return [camel(code) for code in sorted(self.codes - everywhere)]


class Surface:
    """All that partners may call, and what that leads to."""

    def __init__(self, features: Sequence[Routes]) -> None:
        self.document = build_document(features)
        self.schemas: Document = self.document["components"]["schemas"]
        self.operations = [Operation(self.document, **told) for told in _partner_operations(self.document, features)]
        self.everywhere = set.intersection(*(one.codes for one in self.operations))

    def reached(self) -> list[str]:
        """Name every schema that the operations lead to."""
        found: set[str] = set()
        waiting: list[Any] = [{"$ref": f"{_COMPONENT}Problem"}, *(one.described for one in self.operations)]
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                target = value.get("$ref")
                if isinstance(target, str) and target.startswith(_COMPONENT):
                    name = target_of(value)
                    if name not in found:
                        found.add(name)
                        waiting.append(self.schemas[name])
                waiting += value.values()
        return sorted(found)

    def refusals(self) -> list[Refusal]:
        """List each reason why an operation may be refused."""
        known = self.document["x-error-codes"]
        return [
            Refusal(
                code,
                camel(code),
                _kind(known[code]["status"]),
                f"{known[code]['meaning']} Patients read: {known[code]['zh']} / {known[code]['en']}",
            )
            for code in sorted(set.union(*(one.codes for one in self.operations)))
        ]


def target_of(schema: Document) -> str:
    """Name the schema that a reference leads to."""
    target: str = schema["$ref"]
    return target.removeprefix(_COMPONENT)


def camel(name: str) -> str:
    """Write a name as classes are written."""
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name))


def _partner_operations(document: Document, features: Sequence[Routes]) -> Iterator[Document]:
    open_to_partners = {operation_id(route) for routes in features for route in routes if not route.staff_only}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] in open_to_partners:
                yield {"method": method.upper(), "path": path, "operation": operation}


def _codes(operation: Document) -> Iterator[str]:
    """List the codes that an operation says it may be refused with."""
    for response in operation["responses"].values():
        problem = response.get("content", {}).get("application/problem+json")
        if problem:
            yield from problem["schema"]["properties"]["code"]["enum"]


def _kind(status: int) -> str:
    return _KINDS.get(status, "ServerError" if status >= 500 else "BadRequest")
