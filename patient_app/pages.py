"""The patients' pages at `/m/`: what `./hospital build` made for browsers, with the policy that keeps strangers out.

The server starts without them and then says how to build them; a build that is made later is served without a
restart. Files in `assets/` carry a digest in their names and never change; the page that names them, and the service
worker that keeps them for times without a network, are asked for again each time.
"""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sanic import Request, Sanic
from sanic.response import HTTPResponse

BUILT: Final = Path(__file__).resolve().parent / "miniprogram" / "dist" / "build" / "h5"
PLACE: Final = "/m/"
BACK_FROM_PAYING: Final = "/m/back"
"""Where a channel's own page leads a payer back to; whatever it appends to the address is left behind here."""
CONSENT_CODE: Final = re.compile(r"[A-Za-z0-9_-]{8,128}", re.ASCII)
FILES_MAX: Final = 1_000
COMPRESSED_FROM_BYTES: Final = 1_024
BROTLI: Final = ".br"
"""What the build has put beside a text: the same, compressed with Brotli."""
COMPRESSIBLE: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt"})

# Pictures are drawn on the device (`data:`); nothing is asked of any other host.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:;"
    " connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
SAFE: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    # Over plain http, as in a sandbox, browsers do not heed it (RFC 6797, section 8.1).
    "strict-transport-security": "max-age=31536000",
    "permissions-policy": "geolocation=(self), camera=(), microphone=(), payment=()",
}
ONCE: Final = "public, max-age=31536000, immutable"
EACH_TIME: Final = "no-cache"

_NOT_BUILT: Final = """<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>互联网医院</title></head>
<body>
<h1>页面还没有构建</h1>
<p>在服务器上运行 <code>./hospital build --target h5</code>，然后刷新本页。需要 Node 20 或更新的版本。</p>
<h1 lang="en">The pages are not built yet</h1>
<p lang="en">Run <code>./hospital build --target h5</code> on the server, then load this page again. It needs Node 20
or later.</p>
</body>
</html>
"""


def mount_pages(app: Sanic[Any, Any], folder: Path = BUILT) -> None:
    """Put the pages into the application."""
    pages = Pages(folder)

    async def show_start(request: Request) -> HTTPResponse:
        return pages.answer("index.html", request.headers)

    async def show_file(request: Request, name: str) -> HTTPResponse:
        return pages.answer(name, request.headers)

    async def lead_on(_request: Request) -> HTTPResponse:
        # The addresses within the page are relative to the folder.
        return HTTPResponse(None, 308, {"location": PLACE, **SAFE})

    async def lead_back_to_order(_request: Request, order_id: UUID) -> HTTPResponse:
        return _lead_back(f"#/money/pay/pay?order={order_id}&back=1")

    async def lead_back_from_agreeing(_request: Request, order_id: UUID) -> HTTPResponse:
        return _lead_back(f"#/money/pay/pay?order={order_id}&back=insurance")

    async def lead_back_to_code(_request: Request) -> HTTPResponse:
        return _lead_back("#/money/relative/relative?back=1")

    async def lead_back_from_consent(request: Request) -> HTTPResponse:
        # Alone of what others append this is read: the code is good once, for a person who is signed in here.
        code = str(request.args.get("authCode", ""))
        values = f"code={code}" if CONSENT_CODE.fullmatch(code) else "refused=1"
        return _lead_back(f"#/money/insured/insured?{values}")

    order_path, code_path = f"{BACK_FROM_PAYING}/order/<order_id:uuid>", f"{BACK_FROM_PAYING}/relative"
    app.add_route(lead_back_to_order, order_path, methods=["GET"], name="patient_pages_back_to_order")
    app.add_route(lead_back_to_code, code_path, methods=["GET"], name="patient_pages_back_to_code")
    consent_path, agreed_path = f"{BACK_FROM_PAYING}/insurance", f"{BACK_FROM_PAYING}/agreed/<order_id:uuid>"
    app.add_route(lead_back_from_consent, consent_path, methods=["GET"], name="patient_pages_back_from_consent")
    app.add_route(lead_back_from_agreeing, agreed_path, methods=["GET"], name="patient_pages_back_from_agreeing")
    app.add_route(lead_on, "/m", methods=["GET"], name="patient_pages_without_slash", strict_slashes=True)
    app.add_route(show_start, PLACE, methods=["GET", "HEAD"], name="patient_pages", strict_slashes=True)
    app.add_route(show_file, f"{PLACE}<name:path>", methods=["GET", "HEAD"], name="patient_pages_file")


def _lead_back(screen: str) -> HTTPResponse:
    # The address of a screen lies behind a `#`, which channels do not keep: it is written here, not told to them.
    return HTTPResponse(None, 303, {"location": PLACE + screen, "cache-control": "no-store", **SAFE})


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    compressed: Mapping[str, bytes]
    """By content coding (RFC 9110, section 8.4.1), the shortest first."""
    kind: str
    etag: str
    lasting: str


class Pages:
    """What was built, read once per build; only what is in it can be asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._build: tuple[int, int] | None = None
        self._files: Mapping[str, _File] = {}

    def answer(self, name: str, headers: Mapping[str, str]) -> HTTPResponse:
        """Give a file of the build, or say that there is no such file, or no build."""
        self._look()
        if not self._files:
            return HTTPResponse(
                _NOT_BUILT, 503, {**SAFE, "cache-control": "no-store", "retry-after": "60"}, "text/html; charset=utf-8"
            )
        file = self._files.get(name)
        if file is None:
            return HTTPResponse("Not found", 404, {**SAFE, "cache-control": "no-store"}, "text/plain; charset=utf-8")
        sent = {**SAFE, "cache-control": file.lasting, "etag": file.etag, "vary": "accept-encoding"}
        if headers.get("if-none-match") == file.etag:
            return HTTPResponse(None, 304, sent)
        accepted = _accepted(headers.get("accept-encoding", ""))
        for coding, body in file.compressed.items():
            if coding in accepted:
                return HTTPResponse(body, 200, {**sent, "content-encoding": coding}, file.kind)
        return HTTPResponse(file.body, 200, sent, file.kind)

    def _look(self) -> None:
        """Read the build if it is another one than before."""
        try:
            seen = (self._folder / "index.html").stat()
        except OSError:
            self._build, self._files = None, {}
            return
        if (seen.st_mtime_ns, seen.st_ino) != self._build:
            self._files = {name: _read(path, name) for name, path in self._listing().items()}
            self._build = (seen.st_mtime_ns, seen.st_ino)

    def _listing(self) -> dict[str, Path]:
        """Name the files as addresses do. No link is followed out of the folder."""
        found = {
            path.relative_to(self._folder).as_posix(): path
            for path in sorted(self._folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and path.suffix != BROTLI
        }
        assert len(found) <= FILES_MAX, "a build of ours has far fewer files"
        return found


def _accepted(header: str) -> frozenset[str]:
    """Name the codings that a browser takes; one with the weight 0 it refuses."""
    offers = (offer.partition(";") for offer in header.lower().replace(" ", "").split(","))
    return frozenset(coding for coding, _, weight in offers if not re.fullmatch(r"q=0(\.0*)?", weight))


def _read(path: Path, name: str) -> _File:
    body = path.read_bytes()
    kind = mimetypes.types_map.get(path.suffix, "application/octet-stream")
    is_text = path.suffix in COMPRESSIBLE
    return _File(
        body=body,
        compressed=_compressed(path, body) if is_text and len(body) >= COMPRESSED_FROM_BYTES else {},
        kind=f"{kind}; charset=utf-8" if is_text else kind,
        etag=f'W/"{hashlib.sha256(body).hexdigest()[:32]}"',
        lasting=ONCE if name.startswith("assets/") else EACH_TIME,
    )


def _compressed(path: Path, body: bytes) -> Mapping[str, bytes]:
    beside = path.with_name(path.name + BROTLI)
    smallest = {"br": beside.read_bytes()} if beside.is_file() and not beside.is_symlink() else {}
    return {**smallest, "gzip": gzip.compress(body, mtime=0)}
