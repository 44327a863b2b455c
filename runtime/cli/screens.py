"""`./hospital screens`: pictures of every screen of the patients' pages, for docs/screens or for whoever looks.

A test takes them (tests/e2e_app/test_screens.py): it brings a platform up, lets a household live through an eventful
day there, and opens every screen in headless Chromium.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.cli.data_option import ROOT
from runtime.frontend import PROJECT

FOLDER: Final = ROOT / "docs" / "screens"
TEST: Final = "tests/e2e_app/test_screens.py"
# The looks whose pictures are committed: as most people hold it, and as somebody does who reads large letters.
KEPT: Final = ("usual", "elder")
LOOKS: Final = ("usual", "small", "elder", "dark", "english", "large")
# Pictures of these are as long as the screen, up to two phones' height; of the others they show what is seen first.
LONG: Final = ("usual",)
AREAS: Final = {
    "pages": "Tabs",
    "booking": "Finding and booking",
    "visits": "Visits and waiting",
    "money": "Money",
    "messages": "Messages",
    "feedback": "Complaints and ratings",
    "account": "Account",
}
_TITLE: Final = re.compile(r'useTitle\("([^".]+)\.([^"]+)"\)')
_HEAD: Final = """# The screens

Every screen of the patients' pages, as a household finds it on an eventful day. `./hospital screens` takes the pictures
and writes this page; what the design is made of stands in [design](../design.md).

Left as most people hold it (390 pixels wide, two phones' height of a long
screen), right in elder mode on a small phone.
"""


@dataclass(frozen=True)
class Page:
    """One screen of pages.json."""

    path: str

    @property
    def area(self) -> str:
        """The folder in which its part of the application lies."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name in a picture's: the area and the screen, or the tab alone."""
        last = self.path.rpartition("/")[2]
        return last if self.area == "pages" else f"{self.area}-{last}"

    @property
    def title(self) -> str:
        """What stands at its head, in Chinese."""
        source = (PROJECT / "src" / f"{self.path}.vue").read_text(encoding="utf-8")
        found = _TITLE.search(source)
        assert found is not None, f"{self.path} sets no title"
        words = json.loads((PROJECT / "src" / "locale" / "zh" / f"{found[1]}.json").read_text(encoding="utf-8"))
        for step in found[2].split("."):
            words = words[step]
        return str(words)


def pages() -> list[Page]:
    """Name every screen, as pages.json does."""
    told = json.loads((PROJECT / "src" / "pages.json").read_text(encoding="utf-8"))
    tabs = [Page(one["path"]) for one in told["pages"]]
    return tabs + [Page(f"{part['root']}/{one['path']}") for part in told["subPackages"] for one in part["pages"]]


def index() -> str:
    """Write the page that shows all pictures, by area."""
    return "\n".join([_HEAD, *_tables()])


def _tables() -> Iterator[str]:
    for area, heading in AREAS.items():
        yield f"## {heading}\n"
        yield "| screen | usual | elder mode |\n|---|---|---|"
        for page in pages():
            if page.area == area:
                shown = " | ".join(f"![{page.title}, {look}]({page.name}-{look}.png)" for look in KEPT)
                yield f"| {page.title}<br>`{page.path}` | {shown} |"
        yield ""


def add_options(one: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    names = [page.name for page in pages()]
    one.add_argument(
        "--to", type=Path, default=FOLDER, metavar="DIR", help="the pictures' folder (default docs/screens)"
    )
    one.add_argument(
        "--look", action="append", choices=LOOKS, metavar="NAME",
        help=f"{' | '.join(LOOKS)}; may be given again (default: those of docs/screens)",
    )  # fmt: skip
    one.add_argument(
        "--only", nargs="+", choices=names, default=[], metavar="SCREEN", help="fewer screens; --list names them"
    )
    one.add_argument("--whole", action="store_true", help="down to the end of long screens")
    one.add_argument("--list", action="store_true", help="name the screens and the looks, and take no picture")


def screens(given: argparse.Namespace) -> int:
    """Take pictures, and write the page that shows them where it is docs/screens that they went to."""
    if given.list:
        width = max(len(page.name) for page in pages())
        print("\n".join(f"{page.name:<{width}}  {page.title}" for page in pages()))
        print(f"\nlooks: {', '.join(LOOKS)}")
        return 0
    to = Path(os.environ.get("HOSPITAL_CALLED_FROM", "."), given.to).resolve()
    to.mkdir(parents=True, exist_ok=True)
    chosen = {
        "HOSPITAL_TOUR_TO": str(to),
        "HOSPITAL_TOUR_LOOKS": " ".join(given.look or KEPT),
        "HOSPITAL_TOUR_SCREENS": " ".join(given.only),
        "HOSPITAL_TOUR_LONG": " ".join(LONG),
        "HOSPITAL_TOUR_WHOLE": "yes" if given.whole else "",
    }
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST]
    status = subprocess.run(argv, cwd=ROOT, env={**os.environ, **chosen}, check=False).returncode
    if to == FOLDER:
        (FOLDER / "README.md").write_text(index(), encoding="utf-8")
    print(f"Pictures: {to}")
    return status
