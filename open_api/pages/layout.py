"""The layout of every page, its stylesheet and scripts, and the headers that keep strangers out of it.

A page takes nothing from elsewhere, runs no script of its own text, cannot be framed, and is kept by no cache.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from open_api.pages.html import Html, html, join

FOLDER: Final = Path(__file__).resolve().parent
ASSETS: Final = {
    "hospital.css": "text/css; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
CONTENT_TYPE: Final = "text/html; charset=utf-8"
HOSPITAL: Final = {"zh": "互联网医院", "en": "Internet Hospital"}

_NOTHING: Final = Html("")
_FRAME: Final = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · {hospital}</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{stylesheet}">
{styles}{scripts}</head>
<body class="{width}">
<header><p class="hospital"><span class="mark" aria-hidden="true">＋</span>{hospital}</p>{top}</header>
<main>
<h1>{title}</h1>
{body}
</main>
<footer><p>{footer}</p></footer>
</body>
</html>
"""
_FOOTER: Final = {
    "zh": "请核对网址后再输入信息。医院工作人员不会索要您的验证码或密码。",
    "en": "Check the address before you type. Hospital staff never ask for your code or password.",
}


def page(
    title: str,
    body: Html,
    *,
    language: str,
    status: int = 200,
    scripts: Sequence[str] = (),
    form_targets: Sequence[str] = (),
    wide: bool = False,
    styles: Sequence[str] = (),
    top: Html = _NOTHING,
) -> HTTPResponse:
    """Make a page.

    scripts: of ASSETS, or addresses of a surface's own. form_targets: other origins that a form's answer may lead to,
    as a consent page's redirect does.
    styles: addresses of a surface's own stylesheets. top: what its pages have in common, under the hospital's name.
    """
    text = html(
        _FRAME,
        lang="en" if language == "en" else "zh-CN",
        title=title,
        hospital=HOSPITAL[language],
        icon=address_of("icon.svg"),
        stylesheet=address_of("hospital.css"),
        scripts=join(
            html('<script src="{src}" defer></script>\n', src=name if name.startswith("/") else address_of(name))
            for name in scripts
        ),
        styles=join(html('<link rel="stylesheet" href="{href}">\n', href=href) for href in styles),
        top=top,
        width="wide" if wide else "narrow",
        body=body,
        footer=_FOOTER[language],
    )
    return HTTPResponse(text, status, page_headers(form_targets, language=language), CONTENT_TYPE)


def page_headers(form_targets: Sequence[str] = (), *, language: str) -> dict[str, str]:
    """Give the headers of a page."""
    targets = "".join(f" {target}" for target in form_targets)
    return {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self';"
            f" form-action 'self'{targets}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "cache-control": "no-store",
        "content-language": "en" if language == "en" else "zh-CN",
        # Not `no-referrer`: under that one browsers send `Origin: null` with our own forms.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "vary": "accept-language, cookie",
    }


def notice(text: str, *, bad: bool) -> Html:
    """Say something above a form: what went wrong, or what was done. Screen readers say it at once."""
    return html('<p class="notice {kind}" role="{role}">{text}</p>\n', text=text, **_NOTICE[bad])


_NOTICE: Final = {True: {"kind": "bad", "role": "alert"}, False: {"kind": "good", "role": "status"}}


def mount_assets(app: Sanic[Any, Any]) -> None:
    """Put the stylesheet and the scripts into the application, each under an address that changes with it."""
    for name, content_type in ASSETS.items():
        mount_asset(app, f"/pages/{name}", FOLDER / name, content_type)


def mount_asset(app: Sanic[Any, Any], path: str, file: Path, content_type: str) -> None:
    """Put one file into the application; pages name it by `versioned`."""
    route = f"page_asset_{path.strip('/')}".replace(".", "_").replace("/", "_")
    app.add_route(_Asset(file, content_type).serve, path, methods=["GET"], name=route)


class _Asset:
    """One file, read at start-up."""

    def __init__(self, file: Path, content_type: str) -> None:
        self._content = file.read_bytes()
        self._type = content_type
        self._headers = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}

    async def serve(self, _request: Request) -> HTTPResponse:
        """Give the file."""
        return HTTPResponse(self._content, 200, dict(self._headers), self._type)


def address_of(name: str) -> str:
    """Give the address of one of ASSETS."""
    return versioned(f"/pages/{name}", FOLDER / name)


@cache
def versioned(path: str, file: Path) -> str:
    """Give an asset's address; a new version has a new one."""
    return f"{path}?v={blake2b(file.read_bytes(), digest_size=6).hexdigest()}"
