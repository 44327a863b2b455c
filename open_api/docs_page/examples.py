"""Examples of requests and answers, made from the schemas."""

import json
import shlex
from typing import Any
from urllib.parse import quote

Document = dict[str, Any]
DEPTH_MAX = 8


def dereferenced(document: Document, schema: Document) -> Document:
    """Follow a reference; what stands beside it goes before."""
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema


def example_of(document: Document, schema: Document, depth: int = 0) -> Any:
    """Make a value that the schema allows, of its own examples where it has any."""
    schema = dereferenced(document, schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema and "type" not in schema:
        return example_of(document, schema["anyOf"][0], depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example_of(document, schema["properties"][name], depth + 1) for name in _shown(schema)}
    if kind == "array":
        return [] if depth > DEPTH_MAX else [example_of(document, schema["items"], depth + 1)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return True if kind == "boolean" else "..."


def _shown(schema: Document) -> list[str]:
    """Name the fields of an example: those required, or of a choice the last (the fullest), or all."""
    branches = [branch["required"] for branch in schema.get("oneOf", ()) if "required" in branch]
    if branches:
        return list(branches[-1])
    required: list[str] = schema.get("required") or list(schema.get("properties", ()))
    return required


def curl_of(document: Document, method: str, path: str, operation: Document) -> str:
    """Write the request as a command for a terminal; $HOSPITAL and $TOKEN are set in the first steps."""
    parameters = [dereferenced(document, parameter) for parameter in operation.get("parameters", ())]
    for parameter in parameters:
        if parameter["in"] == "path":
            value = str(example_of(document, parameter["schema"]))
            path = path.replace("{" + parameter["name"] + "}", value)
    lines = [f'curl "$HOSPITAL{path}{_query(document, operation, parameters)}"']
    if method != "get":
        lines[0] = lines[0].replace("curl ", f"curl -X {method.upper()} ", 1)
    if operation.get("security"):
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if "/administration/" in path and any(parameter["name"] == "Acting-Staff" for parameter in parameters):
        lines.append('-H "Acting-Staff: S0001"')
    content = operation.get("requestBody", {}).get("content", {})
    if "application/x-www-form-urlencoded" in content:
        lines += ['-u "$CLIENT_ID:$CLIENT_SECRET"', "-d grant_type=client_credentials"]
    elif content:
        body = json.dumps(example_of(document, content["application/json"]["schema"]), ensure_ascii=False)
        lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def _query(document: Document, operation: Document, parameters: list[Document]) -> str:
    rules = operation.get("x-parameter-rules", {})
    choices: list[Document] = rules.get("anyOf") or rules.get("oneOf", [])[::-1]
    branch = choices[0]["required"] if choices else []
    given = [
        f"{parameter['name']}={quote(str(example_of(document, parameter['schema'])))}"
        for parameter in parameters
        if parameter["in"] == "query" and (parameter["required"] or parameter["name"] in branch)
    ]
    return f"?{'&'.join(given)}" if given else ""
