"""The developer portal as one piece: every file in `pages` is found, and its pages are put into the application."""

from collections.abc import Callable, Coroutine
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any
from urllib.parse import quote

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from console.developer import pages
from console.developer.frame import HOME, STYLE_FILE, STYLE_PATH, link, portal_page, refused, say, set_tabs, told_error
from console.developer.routes import Asset, PortalPage, Tab
from console.developer.setup import Portal, configure_portal
from kernel.errors import HospitalError
from oauth.sign_in.errors import NotSignedIn, StepUpNeeded
from open_api.pages.browser import Browser, see_other
from open_api.pages.layout import mount_asset
from open_api.pages.serving import PageHandler, mount_page
from partners.errors import DeveloperRequired


def mount_developer(app: Sanic[Any, Any], portal: Portal) -> None:
    """Put the portal into the application; pages of a sandbox alone only into a sandbox."""
    configure_portal(portal)
    mount_asset(app, STYLE_PATH, STYLE_FILE, "text/css; charset=utf-8")
    found = [module for module in page_modules() if portal.is_sandbox or not getattr(module, "SANDBOX_ONLY", False)]
    for module in found:
        offered: tuple[PortalPage, ...] = module.PAGES
        for page in offered:
            handler = page.handler if page.script else _in_portal(page.handler)
            mount_page(app, page.method, page.path, handler, script=page.script)
        assets: tuple[Asset, ...] = getattr(module, "ASSETS", ())
        for asset in assets:
            mount_asset(app, asset.path, asset.file, asset.content_type)
    tabs: list[Tab] = [module.TAB for module in found if hasattr(module, "TAB")]
    set_tabs(sorted(tabs, key=lambda tab: tab.place))


def page_modules() -> list[ModuleType]:
    """Import the files of pages, by name."""
    names = sorted(module.name for module in iter_modules(pages.__path__))
    return [import_module(f"{pages.__name__}.{name}") for name in names]


def _in_portal(handler: PageHandler) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
    """Say what was refused on a page of the portal, and lead whoever has to sign in there and back again."""

    async def serve(request: Request, browser: Browser, **path: Any) -> HTTPResponse:
        try:
            return await handler(request, browser, **path)
        except (NotSignedIn, StepUpNeeded) as error:
            target = request.path if request.method == "GET" else HOME
            if request.method == "GET" and request.query_string:
                target += f"?{request.query_string}"
            why = "&again=1" if isinstance(error, StepUpNeeded) else ""
            return see_other(f"/sign-in?continue={quote(target, safe='')}{why}")
        except DeveloperRequired:
            return see_other(HOME)
        except HospitalError as error:
            title = say(browser, "暂时无法完成", "This could not be done")
            back = link(HOME, say(browser, "返回", "Back"))
            return refused(portal_page(browser, title, [back], told=told_error(browser, error)), error)

    serve.__name__ = handler.__name__
    serve.__module__ = handler.__module__
    return serve
