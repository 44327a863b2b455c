"""What a file of pages says of itself: its addresses, and the tab that leads to it.

A new page is a new file in console/developer/pages with `PAGES`, with a `TAB` where it is one of an application's, with
`ASSETS` where it has files of its own, and with `SANDBOX_ONLY = True` where production has no such page.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from open_api.pages.serving import PageHandler

APPLICATION: Final = "/developer/applications/<application_id:uuid>"


@dataclass(frozen=True, slots=True)
class PortalPage:
    """One page. Its handler is called with the request, the browser, and what stands in its address."""

    method: str
    path: str
    handler: PageHandler
    script: bool = False


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab among those of an application. path: behind the application's own address; place: tabs go by it."""

    path: str
    zh: str
    en: str
    place: int

    def name(self, language: str) -> str:
        """Name it to whoever reads."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a page's own, such as its script; `ASSETS` of the page's file lists them."""

    path: str
    file: Path
    content_type: str


def show(path: str, handler: PageHandler) -> PortalPage:
    """A page that is looked at."""
    return PortalPage("GET", path, handler)


def script(path: str, handler: PageHandler) -> PortalPage:
    """What a page's own script asks: JSON comes and goes."""
    return PortalPage("POST", path, handler, script=True)


def do(path: str, handler: PageHandler) -> PortalPage:
    """What a form of a page is posted to."""
    return PortalPage("POST", path, handler)
