"""What a request brings, read and held against its schema before anything is asked of a feature: body, query, key."""

import re
from collections.abc import Callable
from typing import Any, Final

import orjson
from sanic import Request

from kernel.crypto import cipher
from kernel.idempotency import Idempotency
from open_api import errors
from open_api.answers import JSON
from schema.registry import documents, validator, violations

QUERY_CHARACTERS_MAX: Final = 2_000
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,15})?")


def body_reader(name: str | None) -> Callable[[Request], dict[str, Any]]:
    """Make what reads a body and holds it against its schema, by the schema's path; None where there is no body."""
    if name is None:
        return lambda _request: {}
    check = validator(name)

    def read(request: Request) -> dict[str, Any]:
        content_type = request.headers.get("content-type", "")
        if content_type != JSON and content_type.partition(";")[0].strip().lower() != JSON:
            raise errors.UnsupportedMediaType
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise errors.MalformedRequest from error
        if not check.is_valid(body):
            raise errors.SchemaViolation(violations=violations(name, body))
        return body  # type: ignore[no-any-return]  # the schema says object

    return read


def query_reader(name: str | None) -> Callable[[Request], dict[str, Any]]:
    """Make what reads query parameters as the types of their schema; None where there are none."""
    properties: dict[str, Any] = documents()[name]["properties"] if name else {}
    readers = {key: _READERS[value["type"]] for key, value in properties.items() if value.get("type") in _READERS}

    def read(request: Request) -> dict[str, Any]:
        if not request.query_string:
            values: dict[str, Any] = {}
        elif len(request.query_string) > QUERY_CHARACTERS_MAX:
            raise errors.BodyTooLarge(limit_bytes=QUERY_CHARACTERS_MAX)
        else:
            given = request.get_args(keep_blank_values=True)
            repeated = [key for key, entries in given.items() if len(entries) > 1]
            if repeated:
                raise errors.SchemaViolation(
                    violations=[
                        {"pointer": f"/{key[:40]}", "rule": "once", "message": "is given twice"} for key in repeated
                    ]
                )
            values = {key: readers.get(key, str)(entries[0]) for key, entries in given.items()}
        if name is None:
            if values:
                raise errors.SchemaViolation(
                    violations=[
                        {"pointer": f"/{key[:40]}", "rule": "additionalProperties", "message": "unknown parameter"}
                        for key in values
                    ]
                )
        elif not validator(name).is_valid(values):
            raise errors.SchemaViolation(violations=violations(name, values))
        return values

    return read


def _integer(text: str) -> object:
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 19 else text


def _number(text: str) -> object:
    return float(text) if _DECIMAL.fullmatch(text) else text


def _boolean(text: str) -> object:
    return {"true": True, "false": False}.get(text, text)


_READERS: Final[dict[str, Callable[[str], object]]] = {"integer": _integer, "number": _number, "boolean": _boolean}


def read_idempotency(
    request: Request, operation: str, client_id: str, body: dict[str, Any], address: dict[str, Any]
) -> Idempotency | None:
    """Read the caller's key for one change, with what its request says.

    Raises:
        InvalidIdempotencyKey.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise errors.InvalidIdempotencyKey
    seal = cipher().short_hash
    hashes = {name: seal(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)) for name, value in body.items()}
    for name, value in address.items():
        hashes[name] = seal(str(value).encode())
    return Idempotency(client_id, key, operation, hashes)
