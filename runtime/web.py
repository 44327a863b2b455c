"""The one Sanic application, joining the surfaces: `python -m runtime.web`.

One process serves on its own SO_REUSEPORT socket; the supervisor, systemd or Kubernetes start as many as wanted.
Sanic's own process manager is not used (docs/adr/0030).
"""

import gc
import signal
import socket
import sys
from contextlib import AsyncExitStack
from typing import Any

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from booking.queue.live import Hub, open_hub
from console.developer.application import mount_developer
from console.developer.setup import Portal
from console.screen import mount_screen
from kernel.db import DatabaseUnavailable
from kernel.log import configure_logging, get_logger
from kernel.settings import Settings, SettingsError
from oauth.clients import KnownCredentials
from oauth.watch import watching
from open_api.application import BODY_BYTES_MAX, ProblemErrors, mount_open_api
from open_api.oauth.application import mount_authorization
from open_api.sign_in.application import mount_sign_in
from open_api.streams import watching_streams
from patient_app.application import mount_patient_app
from patient_app.contact import set_hotline
from patient_app.pages import mount_pages
from runtime.composition import platform

BACKLOG = 2048
DRAIN_SECONDS = 15
HEADER_BYTES_MAX = 16 * 1024
YOUNG_OBJECTS = 10_000
GENERATIONS_APART = 20

log = get_logger("runtime")


def build_app(settings: Settings) -> Sanic[Any, Any]:
    """Join the surfaces in one application."""
    app: Sanic[Any, Any] = Sanic("hospital", error_handler=ProblemErrors(), configure_logging=False)
    app.config.REQUEST_MAX_SIZE = BODY_BYTES_MAX
    app.config.REQUEST_MAX_HEADER_SIZE = HEADER_BYTES_MAX
    app.config.KEEP_ALIVE_TIMEOUT = 75
    app.config.REQUEST_TIMEOUT = 20
    app.config.RESPONSE_TIMEOUT = 40
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = DRAIN_SECONDS
    app.config.ACCESS_LOG = False
    app.config.MOTD = False
    app.config.PROXIES_COUNT = settings.proxies_count or None
    mount_open_api(app, is_sandbox=not settings.production)
    mount_authorization(app)
    mount_sign_in(app, is_sandbox=not settings.production)
    mount_patient_app(app)
    set_hotline(settings.hotline)
    mount_pages(app)
    mount_screen(app)
    mount_developer(app, portal_of(settings))
    if settings.bench_echo:
        app.add_route(_echo, "/echo", methods=["POST"], name="bench_echo")
    stack = AsyncExitStack()

    @app.before_server_start
    async def open_platform(_app: Sanic[Any, Any]) -> None:
        database = await stack.enter_async_context(platform(settings))
        await stack.enter_async_context(watching())
        await stack.enter_async_context(watching_streams())
        # Ended before the connections are: readers of streams would keep them open.
        app.ctx.queue_hub = open_hub(database, redis_url=settings.redis_url)

    @app.before_server_stop
    async def end_streams(_app: Sanic[Any, Any]) -> None:
        hub: Hub = app.ctx.queue_hub
        await hub.close()

    @app.after_server_start
    async def tell_ready(_app: Sanic[Any, Any]) -> None:
        _settle_memory()
        if settings.ready_file:
            settings.ready_file.touch()
        log.info("web_ready", port=settings.http_port)

    @app.before_server_stop
    async def finish_in_peace(_app: Sanic[Any, Any]) -> None:
        # Sanic forgets its handler as it begins to drain: whoever asks twice would cut the draining off.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    @app.after_server_stop
    async def close_platform(_app: Sanic[Any, Any]) -> None:
        await stack.aclose()

    return app


def portal_of(settings: Settings) -> Portal:
    """Say which deployment's developer portal this is, and where the other one is."""
    return Portal(
        is_sandbox=not settings.production,
        base_url=settings.public_url,
        other_url=settings.sandbox_url if settings.production else settings.production_url,
        channel=settings.developer_channel,
    )


def _settle_memory() -> None:
    """Look for cyclic garbage among young objects only, and less often.

    What start-up has made stays for good, and walking through it again and again cost a sixth of each request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, GENERATIONS_APART, GENERATIONS_APART)


async def _echo(request: Request) -> HTTPResponse:
    """Answer what was sent: the yardstick of the benchmarks, never there in production."""
    return HTTPResponse(orjson.dumps(orjson.loads(request.body)), 200, content_type="application/json")


def main() -> int:
    """Serve until told to stop."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(f"web: {error}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((settings.http_host, settings.http_port))
    listener.listen(BACKLOG)
    try:
        build_app(settings).run(sock=listener, single_process=True, access_log=False, motd=False)
    except (DatabaseUnavailable, KnownCredentials, OSError, ValueError) as error:
        log.error("web_cannot_start", error=type(error).__name__, reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
