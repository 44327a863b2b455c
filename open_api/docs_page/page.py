"""Writes the page: a side bar by tag, every operation with a command to try it, every error with its sentences."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

from open_api.docs_page.examples import curl_of, dereferenced, example_of

FOLDER: Final = Path(__file__).resolve().parent
DEPTH_MAX: Final = 4
_PARAMETER_COLUMNS: Final = ("Name", "In", "Type", "Meaning")

Document = dict[str, Any]


def render_page(document: Document) -> tuple[str, str]:
    """Give the page, and the Content-Security-Policy that allows its own style and script and nothing else."""
    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    info = document["info"]
    operations = list(_operations(document))
    body = "".join(
        (
            _side_bar(document, operations),
            "<main>",
            f'<header id="start"><h1>{escape(info["title"])} <small>{escape(info["version"])}</small></h1>',
            f"<p>{_prose(info['description'])}</p></header>",
            _FIRST_STEPS,
            _header_section(document),
            "".join(_tag_section(document, tag, operations) for tag in document["tags"]),
            _error_section(document),
            "</main>",
        )
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{style}</style></head>"
        f"<body>{body}<script>{script}</script></body></html>\n"
    )
    policy = (
        f"default-src 'none'; style-src {_hash_source(style)}; script-src {_hash_source(script)};"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _hash_source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


_FIRST_STEPS: Final = """<section id="first-steps"><h2>First steps</h2>
<p>Get a token with your application's id and secret; it lives for half an hour. Then ask.</p>
<div class="code"><pre><code>export HOSPITAL=<span data-origin>http://127.0.0.1:8000</span>
export CLIENT_ID=demo-city-portal CLIENT_SECRET=demo-city-portal-secret
export TOKEN=$(curl -s "$HOSPITAL/oauth/token" -u "$CLIENT_ID:$CLIENT_SECRET" \\
  -d grant_type=client_credentials | sed -E 's/.*"access_token": ?"([^"]+)".*/\\1/')
curl "$HOSPITAL/open/v1/search?q=hxnk" -H "Authorization: Bearer $TOKEN"</code></pre></div>
<ul>
<li><b>Changes</b> take an <code>Idempotency-Key</code>: send the same request again with the same key as often as
you like, and it happens once.</li>
<li><b>Lists</b> give <code>next</code>; send it as <code>cursor</code> for the following page; the last has null.</li>
<li><b>Reads</b> give an <code>etag</code>; send it as <code>If-None-Match</code> and get 304 while nothing has
changed.</li>
<li><b>Times</b> are instants in UTC; a <code>date</code> is a day in Guangzhou. <b>Money</b> is whole fen (0.01 CNY).
</li>
<li><b>Errors</b> have a stable <a href="#errors"><code>code</code></a> and a sentence that a patient can read; quote
<code>request_id</code> when you ask us.</li>
</ul>
<p>The same as data: <a href="/open/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p></section>"""


# --- parts


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def _side_bar(document: Document, operations: list[tuple[str, str, Document]]) -> str:
    parts = [
        '<nav aria-label="Contents"><a class="home" href="#start">Hospital Open API</a>',
        '<input type="search" id="filter" placeholder="Filter" aria-label="Filter the contents" autocomplete="off">',
        '<ul><li><a href="#first-steps">First steps</a></li><li><a href="#headers">Headers</a></li></ul>',
    ]
    for tag in document["tags"]:
        entries = "".join(
            f'<li><a href="#{operation["operationId"]}" title="{method.upper()} {escape(path)}">'
            f"{_method(method)}<span>{escape(_title(operation))}</span></a></li>"
            for method, path, operation in operations
            if operation["tags"] == [tag["name"]]
        )
        parts.append(f'<h2><a href="#{_tag_id(tag)}">{escape(tag["name"].title())}</a></h2><ul>{entries}</ul>')
    parts.append('<h2><a href="#errors">Error codes</a></h2></nav>')
    return "".join(parts)


def _tag_section(document: Document, tag: Document, operations: list[tuple[str, str, Document]]) -> str:
    own = [_operation(document, *entry) for entry in operations if entry[2]["tags"] == [tag["name"]]]
    heading = f"<h2>{escape(tag['name'].title())}</h2><p>{_prose(tag['description'])}</p>"
    return f'<section id="{_tag_id(tag)}">{heading}{"".join(own)}</section>'


def _operation(document: Document, method: str, path: str, operation: Document) -> str:
    name = operation["operationId"]
    scopes = [scope for entry in operation.get("security", ()) for scopes in entry.values() for scope in scopes]
    chips = "".join(
        f'<span class="scope" title="The scope that the token needs">{escape(one)}</span>' for one in scopes
    )
    parts = [
        f'<article id="{name}"><h3><a class="self" href="#{name}">{escape(operation["summary"])}</a></h3>',
        f'<p class="address">{_method(method)}<code>{escape(path)}</code>{chips}</p>',
    ]
    if "description" in operation:
        parts.append(f"<p>{_prose(operation['description'])}</p>")
    parts.append(_code(curl_of(document, method, path, operation)))
    parts += [_parameters(document, operation), _request(document, operation), _answers(document, operation)]
    return "".join(parts) + "</article>"


def _header_section(document: Document) -> str:
    """Explain once what nearly every operation takes."""
    rows = [_parameter(document, parameter) for parameter in document["components"]["parameters"].values()]
    return f'<section id="headers"><h2>Headers</h2>{_table("", _PARAMETER_COLUMNS, rows)}</section>'


def _parameters(document: Document, operation: Document) -> str:
    given = [dereferenced(document, parameter) for parameter in operation.get("parameters", ())]
    rows = [_parameter(document, parameter) for parameter in given if parameter["in"] != "header"]
    headers = [f'<a href="#headers">{parameter["name"]}</a>' for parameter in given if parameter["in"] == "header"]
    line = f'<p class="common">Headers: {", ".join(headers)}</p>' if headers else ""
    return _table("Parameters", _PARAMETER_COLUMNS, rows) + line


def _parameter(document: Document, parameter: Document) -> str:
    schema = dereferenced(document, parameter["schema"])
    told = parameter.get("description") or schema.get("description", "")
    required = parameter.get("required", False)
    return _row(parameter["name"], parameter["in"], _kind(schema), told, required=required)


def _request(document: Document, operation: Document) -> str:
    parts = []
    for media, entry in operation.get("requestBody", {}).get("content", {}).items():
        fields = _table(f"Body, {media}", ("Field", "Type", "Meaning"), _fields(document, entry["schema"]))
        told = dereferenced(document, entry["schema"]).get("description", "")
        parts.append(fields + (f"<p>{_prose(told)}</p>" if told else ""))
    return "".join(parts)


def _answers(document: Document, operation: Document) -> str:
    shown: set[str] = set()
    parts, refusals, usual = [], [], []
    everywhere = _codes_of_all(document)
    for status, given in operation["responses"].items():
        for media, entry in given.get("content", {}).items():
            if media == "application/problem+json":
                codes = _codes(document, entry["schema"])
                refusals += [_refusal(document, status, code) for code in codes if code not in everywhere]
                usual += [f'<a href="#{code}">{code}</a>' for code in codes if code in everywhere]
            elif entry["schema"]["$ref"] not in shown:
                shown.add(entry["schema"]["$ref"])
                parts.append(_answer(document, status, entry["schema"]))
    line = f'<p class="common">Refused as everywhere: {", ".join(usual)}</p>' if usual else ""
    return "".join(parts) + _table("Refusals", ("Status", "Code", "Sentence"), refusals) + line


def _codes_of_all(document: Document) -> set[str]:
    """Find the codes that every operation behind a token may answer."""
    found = [
        {code for answer in operation["responses"].values() for code in _codes_of_answer(document, answer)}
        for _, _, operation in _operations(document)
        if operation.get("security")
    ]
    return set.intersection(*found) if found else set()


def _codes_of_answer(document: Document, answer: Document) -> list[str]:
    entry = answer.get("content", {}).get("application/problem+json")
    return _codes(document, entry["schema"]) if entry else []


def _answer(document: Document, status: str, schema: Document) -> str:
    example = json.dumps(example_of(document, schema), ensure_ascii=False, indent=2)
    fields = _table(f"Answer {status}", ("Field", "Type", "Meaning"), _fields(document, schema))
    return f"{fields}<details><summary>Example</summary>{_code(example)}</details>"


def _codes(document: Document, schema: Document) -> list[str]:
    codes: list[str] = schema.get("properties", {}).get("code", {}).get("enum", [])
    return [code for code in codes if code in document["x-error-codes"]]


def _refusal(document: Document, status: str, code: str) -> str:
    sentence = document["x-error-codes"][code]["en"]
    return f'<tr><td>{status}</td><td><a href="#{code}"><code>{code}</code></a></td><td>{escape(sentence)}</td></tr>'


def _error_section(document: Document) -> str:
    rows = [
        f'<tr id="{code}"><td><a class="self" href="#{code}"><code>{code}</code></a></td><td>{entry["status"]}</td>'
        f'<td lang="zh">{escape(entry["zh"])}</td><td>{escape(entry["en"])}</td>'
        f"<td>{_prose(entry['meaning'])}</td></tr>"
        for code, entry in document["x-error-codes"].items()
    ]
    intro = "<p>Every error has this form; some have more fields, which their meaning names.</p>"
    problem = {"$ref": "#/components/schemas/Problem"}
    table = _table("All codes", ("Code", "Status", "Chinese", "English", "Meaning"), rows)
    fields = _table("Problem (RFC 9457)", ("Field", "Type", "Meaning"), _fields(document, problem))
    return f'<section id="errors"><h2>Error codes</h2>{intro}{fields}{table}</section>'


# --- schemas as tables


def _fields(document: Document, schema: Document, prefix: str = "", depth: int = 0) -> list[str]:
    """List an object's fields, those of objects inside it below them with dots."""
    schema = dereferenced(document, schema)
    required = schema.get("required", ())
    rows = []
    for name, given in schema.get("properties", {}).items():
        value = dereferenced(document, given)
        rows.append(_field_row(prefix + name, _kind(value), value.get("description", ""), required=name in required))
        inner, mark = value, "."
        if value.get("type") == "array":
            inner, mark = dereferenced(document, value["items"]), "[]."
        if inner.get("properties") and depth < DEPTH_MAX and inner.get("title") != schema.get("title"):
            rows += _fields(document, inner, f"{prefix}{name}{mark}", depth + 1)
    return rows


def _kind(schema: Document) -> str:
    """Say in a few words what a value may be."""
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("minLength", "at least"), ("maxLength", "at most"))
        if key in schema and schema.get("format") != "uuid"
    ]
    named = [schema.get("format", kind) if kind == "string" else kind for kind in kinds]
    return " or ".join(named) + (f", {' '.join(limits)}" if limits else "")


def _field_row(name: str, kind: str, told: str, *, required: bool) -> str:
    mark = "" if required else ' <span class="optional">optional</span>'
    return f"<tr><td><code>{escape(name)}</code>{mark}</td><td>{escape(kind)}</td><td>{_prose(told)}</td></tr>"


def _row(name: str, place: str, kind: str, told: str, *, required: bool) -> str:
    mark = "" if required else ' <span class="optional">optional</span>'
    cells = f"<td><code>{escape(name)}</code>{mark}</td><td>{place}</td><td>{escape(kind)}</td><td>{_prose(told)}</td>"
    return f"<tr>{cells}</tr>"


def _table(title: str, columns: tuple[str, ...], rows: list[str]) -> str:
    if not rows:
        return ""
    heading = f"<h4>{title}</h4>" if title else ""
    head = "".join(f"<th>{column}</th>" for column in columns)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'{heading}<div class="wide">{table}</div>'


def _tag_id(tag: Document) -> str:
    return "tag-" + re.sub(r"[^a-z0-9]+", "-", tag["name"].lower())


def _method(method: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span>'


def _title(operation: Document) -> str:
    """Say in the side bar what an operation is, from its name."""
    words: str = operation["operationId"].removeprefix("administration_").replace("_", " ")
    return words[0].upper() + words[1:]


def _code(text: str) -> str:
    return f'<div class="code"><pre><code>{escape(text, quote=False)}</code></pre></div>'


def _prose(text: str) -> str:
    """Write a sentence, with what stands in `backticks` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
