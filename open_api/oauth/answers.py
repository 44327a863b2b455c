"""How what an OAuth rule has answered goes out."""

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from oauth.refusals import Answer
from open_api.guard import request_id_of


def answer(found: Answer, request: Request) -> HTTPResponse:
    """Render an answer as JSON; nothing at all with 204."""
    status, body, headers = found
    headers = headers | {"x-request-id": request_id_of(request)}
    return HTTPResponse(b"" if status == 204 else orjson.dumps(body), status, headers, "application/json")
