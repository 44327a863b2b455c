"""`/m/`: what was built is served with its policy, what was not is said so, and nothing else can be asked for."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from kernel.ids import new_id
from patient_app.pages import Pages
from tests.server import WebServer

PLAIN: Mapping[str, str] = {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "h5"
    (built / "assets").mkdir(parents=True)
    (built / "assets" / "index-abc.js").write_text("let a = 1;\n" * 200)
    (built / "index.html").write_text("<!doctype html><p>one</p>")
    return built


def test_without_a_build_it_says_how_to_make_one(tmp_path: Path) -> None:
    answer = Pages(tmp_path / "absent").answer("index.html", PLAIN)
    assert answer.status == 503
    assert answer.body is not None
    assert b"./hospital build --target h5" in answer.body
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_named_by_its_content_lasts_and_the_start_page_is_asked_for_each_time(folder: Path) -> None:
    pages = Pages(folder)
    assert pages.answer("assets/index-abc.js", PLAIN).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert pages.answer("index.html", PLAIN).headers["cache-control"] == "no-cache"


def test_what_a_browser_has_is_not_sent_again(folder: Path) -> None:
    pages = Pages(folder)
    first = pages.answer("index.html", PLAIN)
    again = pages.answer("index.html", {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert pages.answer("index.html", {"if-none-match": 'W/"other"'}).status == 200


def test_it_is_sent_compressed_to_those_who_can_read_it(folder: Path) -> None:
    pages = Pages(folder)
    plain = pages.answer("assets/index-abc.js", PLAIN)
    small = pages.answer("assets/index-abc.js", {"accept-encoding": "br, gzip"})
    assert (plain.headers.get("content-encoding"), small.headers["content-encoding"]) == (None, "gzip")
    assert small.body is not None
    assert gzip.decompress(small.body) == plain.body


def test_what_the_build_compressed_is_sent_to_those_who_can_read_it(folder: Path) -> None:
    (folder / "assets" / "index-abc.js.br").write_bytes(b"shortest")
    pages = Pages(folder)
    coding = {
        accepted: pages.answer("assets/index-abc.js", {"accept-encoding": accepted}).headers.get("content-encoding")
        for accepted in ("gzip, deflate, br", "gzip;q=1.0, br;q=0", "gzip", "BR", "brotli", "*", "")
    }
    assert list(coding.values()) == ["br", "gzip", "gzip", "br", None, None, None]
    sent = pages.answer("assets/index-abc.js", {"accept-encoding": "gzip, br"})
    assert (sent.body, sent.headers["vary"]) == (b"shortest", "accept-encoding")
    assert sent.content_type == "text/javascript; charset=utf-8"
    assert pages.answer("assets/index-abc.js.br", PLAIN).status == 404


def test_a_later_build_is_served_without_a_restart(folder: Path) -> None:
    pages = Pages(folder)
    assert pages.answer("index.html", PLAIN).body == b"<!doctype html><p>one</p>"
    (folder / "index.html").unlink()
    assert pages.answer("index.html", PLAIN).status == 503
    (folder / "index.html").write_text("<!doctype html><p>two</p>")
    assert pages.answer("index.html", PLAIN).body == b"<!doctype html><p>two</p>"


@pytest.mark.parametrize("name", ["../secret", "assets/../../secret", "link", "assets", "", "absent.js"])
def test_only_files_of_the_build_can_be_asked_for(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("secret")
    (folder / "link").symlink_to(folder.parent / "secret")
    answer = Pages(folder).answer(name, PLAIN)
    assert (answer.status, answer.body) == (404, b"Not found")


async def test_every_answer_of_the_server_keeps_strangers_out(web_server: WebServer) -> None:
    async with httpx.AsyncClient(base_url=web_server.base_url) as http:
        bare = await http.get("/m")
        assert (bare.status_code, bare.headers["location"]) == (308, "/m/")
        for path in ("/m/", "/m/absent", "/m/..%2f..%2fetc%2fpasswd"):
            answer = await http.get(path)
            assert answer.status_code in (200, 404, 503)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert not re.search(r"https?:|unsafe|\*", policy)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert (await http.head("/m/")).status_code in (200, 503)
        assert (await http.post("/m/")).status_code == 405


async def test_of_what_the_insurance_appends_a_code_alone_is_read(web_server: WebServer) -> None:
    shown = {}
    async with httpx.AsyncClient(base_url=web_server.base_url, trust_env=False) as http:
        for name, given in {
            "code": {"retCode": "0", "authCode": "9d3c4a1be70f4c52"},
            "refused": {"retCode": "-1"},
            "hostile": {"authCode": "9d3c4a1b&order=x#/account/export/export"},
            "long": {"authCode": "a" * 129},
        }.items():
            answer = await http.get("/m/back/insurance", params=given)
            shown[name] = (answer.status_code, answer.headers["location"])
        order = new_id()
        agreed = await http.get(f"/m/back/agreed/{order}", params={"payOrdId": "x"})
    screen = "/m/#/money/insured/insured"
    assert shown == {
        "code": (303, f"{screen}?code=9d3c4a1be70f4c52"),
        "refused": (303, f"{screen}?refused=1"),
        "hostile": (303, f"{screen}?refused=1"),
        "long": (303, f"{screen}?refused=1"),
    }
    assert agreed.headers["location"] == f"/m/#/money/pay/pay?order={order}&back=insurance"


async def test_a_channel_leads_back_to_the_screen_and_what_it_appends_is_left_behind(web_server: WebServer) -> None:
    order = "0198c0de-0000-7000-8000-00000000c0de"
    async with httpx.AsyncClient(base_url=web_server.base_url) as http:
        paid = await http.get(f"/m/back/order/{order}", params={"out_trade_no": "P1A01", "sign": "x#/account"})
        by_code = await http.get("/m/back/relative", params={"trade_no": "1"})
        nonsense = await http.get("/m/back/order/nonsense")
    assert (paid.status_code, paid.headers["location"]) == (303, f"/m/#/money/pay/pay?order={order}&back=1")
    assert (by_code.status_code, by_code.headers["location"]) == (303, "/m/#/money/relative/relative?back=1")
    assert nonsense.status_code == 404
