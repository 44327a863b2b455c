"""sdk/typescript in a real browser: the page of its README, as written, behind a partner's own server."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.factories.browser import browser_page
from tests.factories.open_api import OpenApi
from tests.factories.typescript_sdk import README

pytestmark = pytest.mark.browser

TYPES = {".js": "text/javascript", ".html": "text/html"}
PASSED_ON = ("authorization", "accept-language", "x-request-id", "if-none-match")


@contextmanager
def partner_server(hospital: str, token: str, built: Path) -> Iterator[str]:
    """A partner's server: its page, the client's files, a token for the page, and /open passed on to the hospital."""
    [page] = re.findall(r"```html\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)

    class Partner(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self.answer(200, page.encode(), "text/html")
            elif self.path.startswith("/open/v1/"):
                headers = {name: value for name in PASSED_ON if (value := self.headers.get(name))}
                told = httpx.get(hospital + self.path, headers=headers)
                self.answer(told.status_code, told.content, told.headers["content-type"])
            elif re.fullmatch(r"/hospital-openapi/[a-z]+\.js", self.path):
                self.answer(200, (built / Path(self.path).name).read_bytes(), "text/javascript")
            else:
                self.answer(204, b"", "text/plain")

        def do_POST(self) -> None:
            assert self.path == "/token"
            self.answer(200, json.dumps({"value": token, "expiresInSeconds": 600}).encode(), "application/json")

        def answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Partner) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


async def test_the_page_of_the_readme_lists_the_campuses(open_api: OpenApi, typescript_app: Path) -> None:
    caller = await open_api.client(scopes=["catalogue.read"])
    names = await open_api.db.fetch("SELECT name_zh FROM campus")
    built = typescript_app / "node_modules" / "hospital-openapi" / "dist"
    with partner_server(open_api.server.base_url, caller.token, built) as partner:
        async with browser_page() as page:
            await page.open(partner)
            await page.until("document.querySelectorAll('#campuses li').length > 0")
            listed = await page.evaluate("[...document.querySelectorAll('#campuses li')].map((one) => one.innerText)")
            assert sorted(listed) == sorted(name for (name,) in names)
            assert page.problems == []


async def test_a_refusal_is_typed_there_too_and_another_origin_stays_shut(
    open_api: OpenApi, typescript_app: Path
) -> None:
    caller = await open_api.client(scopes=["catalogue.read"])
    built = typescript_app / "node_modules" / "hospital-openapi" / "dist"
    ask = """(async () => {
      const { HospitalClient, problems, RetryPolicy } = await import('/hospital-openapi/index.js');
      const once = { retries: new RetryPolicy({ attempts: 1 }) };
      const client = (origin) => new HospitalClient(origin, async () => '%s', once);
      const refusal = (origin, call) => call(client(origin)).catch((error) => error);
      const refused = await refusal(location.origin, (hospital) => hospital.listSlots());
      const shut = await refusal('%s', (hospital) => hospital.listCampuses());
      window.told = [refused instanceof problems.OauthInsufficientScope, refused.code, shut.name];
    })()"""
    with partner_server(open_api.server.base_url, caller.token, built) as partner:
        async with browser_page() as page:
            await page.open(partner)
            await page.until("document.querySelectorAll('#campuses li').length > 0")
            await page.evaluate(ask % (caller.token, open_api.server.base_url) + "; 0")
            await page.until("window.told")
            assert await page.evaluate("window.told") == [True, "oauth.insufficient_scope", "ConnectionFailed"]
