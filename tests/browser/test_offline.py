"""Pages that open where there is no network: the service worker that the build puts beside them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Route, expect

from kernel.ids import format_appointment_number
from runtime.frontend import PROJECT
from tests.factories.booking_pages import Cardiology, sign_in_at, with_member
from tests.factories.front_end import require_build, run_node
from tests.factories.open_api import OpenApi
from tests.factories.patient_pages import App, open_app, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]

WORKER: Final = PROJECT / "build" / "offline.js"
OPENED_MAX: Final = 5
STATIC: Final = "static/mark.txt"
PORTAL: Final = b"<!doctype html><title>Welcome to our hotel</title>"
KEEPS: Final = "navigator.serviceWorker.controller !== null"
_INSTALLED: Final = """
navigator.serviceWorker.register("./worker.js").then((registration) => {
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  const isDone = () => !worker || ["activated", "redundant"].includes(worker.state);
  const outcome = () => worker?.state ?? "redundant";
  return isDone() ? outcome() : new Promise((resolve) =>
    worker.addEventListener("statechange", () => isDone() && resolve(outcome())));
})
"""
# A name is there before its files are.
_KEEPS_WHOLE: Final = """
async (names) => {
  const worker = await navigator.serviceWorker.getRegistration();
  const isAtRest = worker?.active?.state === 'activated' && !worker.installing && !worker.waiting;
  return Boolean(isAtRest) && (await caches.keys()).join() === names.join();
}
"""
_KEPT: Final = """
(async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    kept[name] = (await cache.keys()).map((request) => new URL(request.url).pathname);
  }
  return kept;
})()
"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    async with open_browser() as started:
        yield started


async def test_in_the_basement_the_appointment_and_its_code_are_there(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    number, patient_id = await with_member()
    async with open_app(browser, open_api.server.base_url, keeps_pages=True) as app:
        await app.open("booking/seats/seats", session=str(cardiology.free.id))
        await app.settled("seats")
        await app.part("band").first.click()
        await app.settled("confirm", "signed-out")
        await app.tap("to-sign-in")
        await sign_in_at(app, number)
        await app.settled("confirm")
        await app.tap("book")
        await app.settled("result")
        [booked] = await open_api.db.fetch("SELECT id, number FROM appointment WHERE patient_id = $1", patient_id)
        appointment = {"id": str(booked["id"]), "member": str(patient_id)}
        await app.open("visits/appointment/appointment", **appointment)
        await app.settled("appointment")
        await app.comes_true(KEEPS)

        await go_offline(app)
        await app.page.reload()
        await app.settled("appointment")
        await expect(app.part("appointment")).to_contain_text(in_groups(booked["number"]))
        await expect(app.part("notice")).to_contain_text("没有网络")
        await app.picture("offline-appointment")
        # A screen that was never open before.
        await app.open("account/help/help")
        await app.settled("help")

        kept: dict[str, list[str]] = await app.page.evaluate(_KEPT)
        assert [name.startswith("pages-") for name in kept] == [True]
        strangers = [path for paths in kept.values() for path in paths if path != "/m/" and not is_of_build(path)]
        assert strangers == [], "nothing is kept here but the pages themselves"


async def test_nothing_is_kept_before_the_first_screen_stands(browser: Browser, open_api: OpenApi) -> None:
    await Cardiology.build(open_api)
    may_come = asyncio.Event()

    async def hold_back(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    async with open_app(browser, open_api.server.base_url, keeps_pages=True) as app:
        await app.page.clock.install()
        await app.page.route("**/app/v1/directory", hold_back)
        await app.open("booking/find/find")
        await app.settled("find", "loading")
        await app.page.clock.run_for(10_000)
        assert await app.page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
        may_come.set()
        await app.settled("find")
        await app.page.clock.run_for(10_000)
        await app.comes_true(KEEPS)


def in_groups(number: int) -> str:
    """Write an appointment's number as its screen does."""
    digits = format_appointment_number(number)
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


async def go_offline(app: App) -> None:
    """Take the network away from the page and from its service worker."""
    await app.page.context.set_offline(offline=True)
    # One of the build before may not have ended yet, and one that could not be installed is still named.
    *_, worker = app.page.context.service_workers
    assert await worker.evaluate("fetch('/m/').then(() => 'reached', () => 'away')") == "away"


def is_of_build(path: str) -> bool:
    return (require_build("h5") / path.removeprefix("/m/")).is_file()


# --- from build to build


class Site:
    """A folder of pages that is served, and built anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "m"
        (self.folder / "assets").mkdir(parents=True)
        (self.folder / "static").mkdir()
        self.is_behind_portal = False
        self.moved_to: str | None = None

    def build(self, name: str) -> None:
        """Put a build in the place of the last one."""
        for old in (self.folder / "assets").iterdir():
            old.unlink()
        asset = f"assets/{name}.js"
        (self.folder / asset).write_text(f"window.piece = {json.dumps(name)};", encoding="utf-8")
        (self.folder / "index.html").write_text(
            f"<!doctype html><title>{name}</title><link rel='icon' href='data:,'><script src='{asset}'></script>"
            "<script>navigator.serviceWorker.register('./worker.js');</script>",
            encoding="utf-8",
        )
        (self.folder / STATIC).write_text(name, encoding="utf-8")
        code = "const [worker, folder, digest, ...names] = process.argv.slice(2);"
        code += "process.stdout.write(require(worker).workerFor(folder, names, digest))"
        script = self.folder.parent / "print.cjs"
        script.write_text(code, encoding="utf-8")
        worker = run_node(script, str(WORKER), str(self.folder), name, asset, STATIC)
        (self.folder / "worker.js").write_text(worker, encoding="utf-8")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files as they are at this moment, and says nothing about it."""

    def __init__(self, *values: Any, site: Site) -> None:
        self.site = site
        self.lasting = "no-store"
        super().__init__(*values, directory=str(site.folder.parent))

    def do_GET(self) -> None:
        """Answer as the hospital, or as the network in between."""
        if self.site.moved_to is not None and self.path == "/m/":
            self.send_response(308)
            self.send_header("location", self.site.moved_to)
            self.end_headers()
        elif self.site.is_behind_portal and self.path.startswith("/m/assets/"):
            self.lasting = "max-age=600"
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(PORTAL)))
            self.end_headers()
            self.wfile.write(PORTAL)
        else:
            # A browser hangs up on a file that is not what it has to be.
            with suppress(BrokenPipeError):
                super().do_GET()

    def end_headers(self) -> None:
        self.send_header("cache-control", self.lasting)
        super().end_headers()

    def log_message(self, *_values: Any) -> None:
        """Nobody reads it."""


@contextmanager
def served(site: Site) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, site=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


async def shown_in_time(app: App, address: str, title: str) -> bool:
    """Open the page until it is the one of that title: a server that is busy for seconds may find the one before."""
    for _ in range(OPENED_MAX):
        await app.page.goto(address)
        if await app.page.title() == title:
            return True
    return False


async def test_a_new_build_takes_over_and_an_open_page_keeps_its_pieces(browser: Browser, tmp_path: Path) -> None:
    site = Site(tmp_path)
    with served(site) as address:
        async with open_app(browser, address, keeps_pages=True) as app:
            for number, name in enumerate(("first", "second", "third"), 1):
                site.build(name)
                # What the server has counts, not what is kept.
                assert await shown_in_time(app, f"{address}/m/", name)
                newest = [f"pages-{one}" for one in ("first", "second", "third")[:number][-2:]]
                await app.comes_true(f"({_KEEPS_WHOLE})({json.dumps(newest)})")
            await app.comes_true(KEEPS)
            # The server has the third build alone; a page of the second still finds its pieces, one of the first not.
            piece = "(name) => fetch(`assets/${name}.js`).then((answer) => answer.status)"
            assert [await app.page.evaluate(piece, one) for one in ("first", "second", "third")] == [404, 200, 200]
            await go_offline(app)
            await app.page.reload()
            await expect(app.page).to_have_title("third")
            assert await app.page.evaluate("window.piece") == "third"


async def test_a_networks_own_page_is_kept_in_no_files_place(browser: Browser, tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.build("first")
    with served(site) as address:
        async with open_app(browser, address, keeps_pages=True) as app:
            site.is_behind_portal = True
            await app.page.goto(f"{address}/m/")
            assert await app.page.evaluate(_INSTALLED) == "redundant"
            assert await app.page.evaluate(_KEPT) == {}, "half a build is none"
            # The browser itself goes on remembering the page for a while.
            site.is_behind_portal = False
            assert await app.page.evaluate(_INSTALLED) == "activated"
            await app.comes_true(KEEPS)
            await go_offline(app)
            await app.page.reload()
            assert await app.page.evaluate("window.piece") == "first"
            # The browser has complained of such files.
            app.complaints.clear()


async def test_a_name_that_stays_shows_the_newest_build(browser: Browser, tmp_path: Path) -> None:
    site = Site(tmp_path)
    with served(site) as address:
        async with open_app(browser, address, keeps_pages=True) as app:
            for name in ("first", "second"):
                site.build(name)
                await app.page.goto(f"{address}/m/")
                kept = f"caches.has('pages-{name}').then((has) => has && {KEEPS})"
                await app.comes_true(kept)
                shown = f"fetch({json.dumps(STATIC)}).then((answer) => answer.text())"
                await app.comes_true(f"{shown}.then((text) => text === {json.dumps(name)})")
            await go_offline(app)
            assert await app.page.evaluate(shown) == "second"


async def test_a_hospital_that_has_moved_is_found_where_it_is(browser: Browser, tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.build("first")
    with served(site) as address:
        async with open_app(browser, address, keeps_pages=True) as app:
            await app.page.goto(f"{address}/m/")
            await app.comes_true(KEEPS)
            (tmp_path / "new.html").write_text(
                "<!doctype html><title>moved</title><link rel='icon' href='data:,'>", encoding="utf-8"
            )
            site.moved_to = "/new.html"
            assert await shown_in_time(app, f"{address}/m/", "moved")
