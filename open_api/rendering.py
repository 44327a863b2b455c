"""Replies on their way onto the wire: JSON, and the tag by which an answer is known again."""

from hashlib import blake2b

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from open_api.answers import JSON, Answer
from open_api.calls import Reply


def render(request: Request, reply: Reply, request_id: str) -> HTTPResponse:
    """Write a reply as JSON; what was read has a tag, and is not sent again to who has it still."""
    content = b"" if reply.status == 204 else orjson.dumps(reply.body, default=str)
    headers = reply.headers
    headers["x-request-id"] = request_id
    if request.method == "GET" and reply.status == 200:
        tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
        headers["etag"] = tag
        headers["cache-control"] = "private, no-cache"
        known = request.headers.get("if-none-match")
        if known and (known == "*" or tag in (entry.strip().removeprefix("W/") for entry in known.split(","))):
            return Answer(b"", 304, headers, JSON)
    return Answer(content, reply.status, headers, JSON)
