"""The way of a request to a page: the browser is read, and what a page refuses is said in a sentence."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from kernel.log import get_logger
from oauth.sign_in.errors import NotSignedIn, StepUpNeeded
from open_api.errors import InternalError
from open_api.guard import language_of, request_id_of
from open_api.pages.browser import Browser, keep_visit, read_browser, see_other
from open_api.pages.html import html, join
from open_api.pages.layout import notice, page
from open_api.problems import STATUS, problem

PageHandler = Callable[..., Awaitable[HTTPResponse]]
TITLES: Final = {"zh": "暂时无法完成", "en": "This could not be done"}
BACK: Final = {"zh": "返回登录", "en": "Back to sign-in"}

log = get_logger("open_api")


def mount_page(app: Sanic[Any, Any], method: str, path: str, handler: PageHandler, *, script: bool = False) -> None:
    """Put a page into the application. script: it answers our own script, with JSON and problems."""
    name = f"page_{method}_{handler.__module__}_{handler.__name__}".lower().replace(".", "_")
    app.add_route(_served(handler, script=script), path, methods=[method], name=name)


def script_answer(body: object) -> HTTPResponse:
    """Answer our own script."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return HTTPResponse(orjson.dumps(body, default=str), 200, headers, "application/json")


def error_page(error: HospitalError, *, language: str) -> HTTPResponse:
    """Say what was refused, in a sentence, and lead back to the beginning."""
    back = html('<p><a class="button quiet" href="/sign-in">{back}</a></p>', back=BACK[language])
    body = join([notice(error.sentence(language), bad=True), back])
    response = page(TITLES[language], body, language=language)
    return set_refusal(response, error)


def set_refusal(response: HTTPResponse, error: HospitalError) -> HTTPResponse:
    """Give a page the status of what it says went wrong."""
    response.status = STATUS[error.code]
    retry_after = error.details.get("retry_after_seconds")
    if retry_after is not None:
        response.headers["retry-after"] = str(retry_after)
    return response


def _served(handler: PageHandler, *, script: bool) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
    async def serve(request: Request, **path: Any) -> HTTPResponse:
        browser: Browser | None = None
        try:
            browser = await read_browser(request)
            response = await handler(request, browser, **path)
        except (NotSignedIn, StepUpNeeded) as error:
            response = problem_of(request, error) if script else _to_sign_in(request, browser, error)
        except HospitalError as error:
            response = problem_of(request, error) if script else error_page(error, language=language_of(request))
        except Exception as error:
            log.error("page_failed", path=request.path, request_id=request_id_of(request), exc_info=error)
            fault = InternalError()
            response = problem_of(request, fault) if script else error_page(fault, language=language_of(request))
        response.headers["x-request-id"] = request_id_of(request)
        # A post without the browser's cookie is another site's, for the cookie is kept from those: one that were set in
        # answer would take the place of the browser's own, and end what its person is in the middle of.
        return keep_visit(response, browser) if browser and request.method == "GET" else response

    serve.__name__ = handler.__name__
    return serve


def problem_of(request: Request, error: HospitalError) -> HTTPResponse:
    """Tell our own script what went wrong; its sentence is shown as it is."""
    told = problem(error, request_id=request_id_of(request), language=language_of(request))
    headers = dict(told.headers) | {"cache-control": "no-store"}
    return HTTPResponse(told.body, told.status, headers, told.content_type)


def _to_sign_in(request: Request, browser: Browser | None, error: HospitalError) -> HTTPResponse:
    """Send whoever has to sign in (again) there, and back afterwards; a post is not repeated."""
    target = request.path if request.method == "GET" else "/account/sessions"
    if request.method == "GET" and request.query_string:
        target += f"?{request.query_string}"
    staff = browser is not None and browser.session is not None and browser.session.subject.kind == "staff"
    where = "/staff/sign-in" if staff else "/sign-in"
    why = "&again=1" if isinstance(error, StepUpNeeded) else ""
    return see_other(f"{where}?continue={quote(target, safe='')}{why}")
