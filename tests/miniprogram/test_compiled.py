"""What was compiled for WeChat, looked at as WeChat does when it is uploaded; and the weight of what browsers load."""

import gzip
import re
from pathlib import Path

import pytest

from tests.factories.front_end import require_build, run_node
from tests.factories.mini_program import MiniProgram

pytestmark = pytest.mark.xdist_group("front-end")

MAIN_BYTES_MAX = 1_500_000
PACKAGE_BYTES_MAX = 2 * 1024 * 1024
FIRST_SCREEN_BYTES_MAX = 200_000
TAG = re.compile(r"<([a-z][\w-]*)")
# https://developers.weixin.qq.com/miniprogram/dev/component/ names them; these are the ones in use.
OF_WECHAT = {
    "block",
    "button",
    "image",
    "input",
    "picker",
    "scroll-view",
    "slot",
    "text",
    "textarea",
    "view",
    "template",
    "import",
}
SPOKEN_TO_NOBODY = re.compile(r"https?://(?!www\.w3\.org/)[\w.-]+")
COMPILE = Path(__file__).parent / "compile_wxml.cjs"
DECOMPRESS = Path(__file__).parent / "compressed.cjs"
ROUND_FILES_MAX = 6
"""A browser asks for so many at once of a server that speaks HTTP/1.1."""


@pytest.fixture(scope="module")
def compiled() -> MiniProgram:
    return MiniProgram(require_build("mp-weixin"))


def test_every_page_and_part_is_there_whole(compiled: MiniProgram) -> None:
    missing = [
        f"{unit}.{kind}"
        for unit in sorted(compiled.units())
        for kind in ("js", "json", "wxml")
        if not (compiled.folder / f"{unit}.{kind}").is_file()
    ]
    assert missing == []


def test_every_tab_is_a_page_with_its_pictures(compiled: MiniProgram) -> None:
    bar = compiled.read("app.json")["tabBar"]["list"]
    assert [tab["pagePath"] for tab in bar if tab["pagePath"] not in compiled.read("app.json")["pages"]] == []
    pictures = [tab[kind] for tab in bar for kind in ("iconPath", "selectedIconPath")]
    assert [name for name in pictures if not (compiled.folder / name).is_file()] == []


def test_every_tag_is_wechats_or_registered(compiled: MiniProgram) -> None:
    unknown = []
    for unit in sorted(compiled.units()):
        tags = set(TAG.findall((compiled.folder / f"{unit}.wxml").read_text(encoding="utf-8")))
        unknown += [f"{unit}: {tag}" for tag in tags - OF_WECHAT - compiled.used(unit).keys()]
    assert unknown == []


def test_every_page_compiles_with_wechats_own_compiler(compiled: MiniProgram) -> None:
    pages = [f"{unit}.wxml" for unit in sorted(compiled.units())]
    told = run_node(COMPILE, str(compiled.folder), *pages)
    assert [page for page in pages if page not in told] == []


def test_no_other_host_is_named(compiled: MiniProgram) -> None:
    for folder in (compiled.folder, require_build("h5")):
        found = {
            (path.name, address)
            for path in folder.rglob("*")
            if path.suffix in {".js", ".json", ".wxml", ".wxss", ".css", ".html"}
            for address in SPOKEN_TO_NOBODY.findall(path.read_text(encoding="utf-8"))
        }
        assert found == set()


def test_the_packages_are_light_enough_to_be_uploaded(compiled: MiniProgram) -> None:
    assert compiled.bytes_of() < MAIN_BYTES_MAX
    heavy = {part["root"]: compiled.bytes_of(part["root"]) for part in compiled.packages()}
    assert {root: size for root, size in heavy.items() if size >= PACKAGE_BYTES_MAX} == {}


def test_what_is_asked_of_the_person_is_declared(compiled: MiniProgram) -> None:
    """WeChat refuses a location whose purpose is not said."""
    app = compiled.read("app.json")
    assert app["requiredPrivateInfos"] == ["getLocation"]
    assert app["permission"]["scope.userLocation"]["desc"] != ""
    assert app["lazyCodeLoading"] == "requiredComponents"


def test_what_browsers_load_is_compressed_beside_itself_and_is_the_same() -> None:
    folder = require_build("h5")
    entries = {path.name for path in (folder / "assets").glob("*.js") if path.stat().st_size >= 1_024}
    assert [name for name in sorted(entries) if not (folder / "assets" / f"{name}.br").is_file()] == []
    assert int(run_node(DECOMPRESS, str(folder))) > len(entries)


def test_a_screen_of_the_start_costs_two_rounds_of_files() -> None:
    """What the page names comes in one round, the screen's own program and styles in another."""
    folder = require_build("h5")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert len(set(re.findall(r'(?:src|href)="\./(assets/[^"]+)"', page))) <= ROUND_FILES_MAX
    for screen in ("pages-home-home", "booking-find-find", "booking-department-department"):
        [program] = (folder / "assets").glob(f"{screen}.*.js")
        others = set(re.findall(r'from"\./([^"]+)"', program.read_text(encoding="utf-8")))
        own = {name for name in others if not re.match(r"(framework|parts|index)\b", name)}
        assert len(own) < ROUND_FILES_MAX - 2, f"{screen} is made of {own}"


def test_the_first_screen_in_a_browser_is_light() -> None:
    folder = require_build("h5")
    page = (folder / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|href)="\./(assets/[^"]+)"', page))
    assert named != set()
    # The start page's own chunk, and whatever that and the entry import.
    ahead = [*named, *(str(path.relative_to(folder)) for path in (folder / "assets").glob("pages-home-home.*.js"))]
    loaded: set[str] = set()
    while ahead:
        name = ahead.pop()
        if name in loaded:
            continue
        loaded.add(name)
        if name.endswith(".js") and not Path(name).name.startswith("index"):
            text = (folder / name).read_text(encoding="utf-8")
            ahead += [f"assets/{found}" for found in re.findall(r'from"\./([^"]+)"', text)]
    loaded |= {f"assets/{path.name}" for path in (folder / "assets").glob("*.css")}
    weight = sum(len(gzip.compress((folder / name).read_bytes())) for name in loaded)
    assert 50_000 < weight < FIRST_SCREEN_BYTES_MAX
