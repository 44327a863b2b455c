"""How an emulator runs: its own process, one Sanic application, ready when it serves, gone on SIGTERM."""

import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse

from integration.emulators.common.control import reply
from integration.emulators.common.errors import ControlNotAuthenticated, ControlRefused
from integration.emulators.common.settings import EmulatorSettings
from kernel.log import configure_logging, get_logger
from kernel.settings import Endpoint, SettingsError

BACKLOG: Final = 128
BODY_BYTES_MAX: Final = 1024 * 1024
HEADER_BYTES_MAX: Final = 16 * 1024
DRAIN_SECONDS: Final = 10

log = get_logger("emulators")

RenderError = Callable[[Request, Exception], HTTPResponse | None]


@dataclass(frozen=True, slots=True)
class Emulator:
    """What the process serves: routes, how its own errors look, what is opened and closed."""

    mount: Callable[[Sanic[Any, Any]], None]
    render_error: RenderError
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


class _Errors(ErrorHandler):
    """Answers control calls itself, and lets the emulator answer for its own wire."""

    def __init__(self, render_error: RenderError) -> None:
        super().__init__()
        self._render_error = render_error

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """Turn any exception into an answer."""
        if isinstance(exception, ControlNotAuthenticated):
            return reply({"error": "the sandbox's token is wanted"}, status=401)
        if isinstance(exception, ControlRefused):
            return reply({"error": str(exception)}, status=422)
        rendered = self._render_error(request, exception)
        if rendered is not None:
            return rendered
        if isinstance(exception, SanicException) and exception.status_code < 500:
            return reply({"error": "not found or not allowed"}, status=exception.status_code)
        log.error("emulator_request_failed", path=request.path, exc_info=exception)
        return reply({"error": "a fault of the emulator"}, status=500)


def build_app(name: str, settings: EmulatorSettings, emulator: Emulator) -> Sanic[Any, Any]:
    """Put an emulator together as one Sanic application."""
    app: Sanic[Any, Any] = Sanic(name, error_handler=_Errors(emulator.render_error), configure_logging=False)
    app.config.REQUEST_MAX_SIZE = BODY_BYTES_MAX
    app.config.REQUEST_MAX_HEADER_SIZE = HEADER_BYTES_MAX
    app.config.REQUEST_TIMEOUT = 20
    app.config.RESPONSE_TIMEOUT = 40
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = DRAIN_SECONDS
    app.config.ACCESS_LOG = False
    app.config.MOTD = False
    emulator.mount(app)

    @app.get("/health", name="health")
    async def health(_request: Request) -> HTTPResponse:
        return reply({"status": "ok"})

    @app.before_server_start
    async def start(_app: Sanic[Any, Any]) -> None:
        await emulator.start()

    @app.after_server_start
    async def tell_ready(_app: Sanic[Any, Any]) -> None:
        if settings.ready_file:
            settings.ready_file.touch()
        log.info("emulator_serves", name=name, http=str(settings.http))

    @app.before_server_stop
    async def finish_in_peace(_app: Sanic[Any, Any]) -> None:
        # Sanic forgets its handler as it begins to drain: whoever asks twice would cut the draining off.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    @app.after_server_stop
    async def stop(_app: Sanic[Any, Any]) -> None:
        await emulator.stop()

    return app


def run(name: str, prefix: str, make: Callable[[EmulatorSettings], Emulator]) -> int:
    """Read the settings, open what is needed, serve until SIGTERM; gives the process's exit code."""
    try:
        settings = EmulatorSettings.from_environment(prefix)
        configure_logging(settings.log_level)
        _serve(build_app(name, settings, make(settings)), settings.http)
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201  it tells a person why it does not start
        return 2
    except OSError as error:
        log.error("emulator_cannot_start", name=name, reason=type(error).__name__)
        return 1
    return 0


def _serve(app: Sanic[Any, Any], at: Endpoint) -> None:
    """Serve until SIGTERM.

    Raises:
        OSError: the place is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((at.host, at.port))
    listener.listen(BACKLOG)
    app.run(sock=listener, single_process=True, access_log=False, motd=False)
