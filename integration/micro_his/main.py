"""`python -m integration.micro_his.main`: the embedded core HIS of a sandbox, in a process of its own."""

import asyncio
import signal
import socket
import sys
from datetime import timedelta
from typing import Any, Final

from sanic import Sanic

from integration.micro_his.intake import Intake
from integration.micro_his.migrate import MigrationError, migrate_patiently
from integration.micro_his.mllp_server import MllpServer
from integration.micro_his.sender import Sender
from integration.micro_his.settings import MicroHisSettings
from integration.micro_his.web import BODY_BYTES_MAX, HEADER_BYTES_MAX, MicroHisApi, ProblemErrors
from kernel import clock
from kernel.db import Database, DatabaseUnavailable, database, open_database
from kernel.log import configure_logging, get_logger
from kernel.settings import SettingsError

BACKLOG: Final = 128
DRAIN_SECONDS: Final = 15
DATABASE_CONNECTIONS_MAX: Final = 12
ANSWERS_KEPT: Final = timedelta(days=30)
TIDY_EVERY: Final = timedelta(hours=1)
TIDY_ROWS_MAX: Final = 10_000

log = get_logger("micro_his")


class MicroHis:
    """Everything of the process that is opened and closed: database, listener, sender, tidying."""

    def __init__(self, settings: MicroHisSettings) -> None:
        self._settings = settings
        self._server: MllpServer | None = None
        self._sender: Sender | None = None
        self._tidying: asyncio.Task[None] | None = None

    @property
    def sender(self) -> Sender:
        """The sender of the running process."""
        assert self._sender is not None, "open() comes first"
        return self._sender

    async def open(self) -> None:
        """Open the database, then listen, then tell.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        settings = self._settings
        db = await open_database(settings.database_url, max_size=DATABASE_CONNECTIONS_MAX)
        self._sender = Sender(db, settings.peer, charset=settings.charset)
        self._server = MllpServer(Intake(db, charset=settings.charset))
        await self._server.start(settings.mllp.host, settings.mllp.port)
        self._sender.start()
        self._tidying = asyncio.create_task(_tidy(db))

    async def close(self) -> None:
        """Answer what is under way, then give everything back."""
        if self._server is not None:
            await self._server.stop()
        if self._sender is not None:
            await self._sender.stop()
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
        await database().close()


async def _tidy(db: Database) -> None:
    """Forget answers and told messages after their time, hourly and a bounded number at a time."""
    while True:
        before = clock.now() - ANSWERS_KEPT
        try:
            await db.execute(
                "DELETE FROM answered WHERE ctid = ANY"
                " (ARRAY(SELECT ctid FROM answered WHERE answered_at < $1 LIMIT $2))",
                before,
                TIDY_ROWS_MAX,
            )
            await db.execute(
                "DELETE FROM message WHERE seq = ANY (ARRAY(SELECT seq FROM message WHERE finished_at < $1 LIMIT $2))",
                before,
                TIDY_ROWS_MAX,
            )
        except DatabaseUnavailable:
            log.warning("micro_his_tidying_put_off")
        await asyncio.sleep(TIDY_EVERY.total_seconds())


def build_app(settings: MicroHisSettings) -> Sanic[Any, Any]:
    """Put the process together as one Sanic application, whose loop the listener and the sender share."""
    app: Sanic[Any, Any] = Sanic("micro_his", error_handler=ProblemErrors(), configure_logging=False)
    app.config.REQUEST_MAX_SIZE = BODY_BYTES_MAX
    app.config.REQUEST_MAX_HEADER_SIZE = HEADER_BYTES_MAX
    app.config.REQUEST_TIMEOUT = 20
    app.config.RESPONSE_TIMEOUT = 40
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = DRAIN_SECONDS
    app.config.ACCESS_LOG = False
    app.config.MOTD = False
    his = MicroHis(settings)
    MicroHisApi(token=settings.token, charset=settings.charset, sender=lambda: his.sender).mount(app)

    @app.before_server_start
    async def open_his(_app: Sanic[Any, Any]) -> None:
        await his.open()

    @app.after_server_start
    async def tell_ready(_app: Sanic[Any, Any]) -> None:
        if settings.ready_file:
            settings.ready_file.touch()
        log.info("micro_his_serves", mllp=str(settings.mllp), http=str(settings.http))

    @app.before_server_stop
    async def finish_in_peace(_app: Sanic[Any, Any]) -> None:
        # Sanic forgets its handler as it begins to drain: whoever asks twice would cut the draining off.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    @app.after_server_stop
    async def close_his(_app: Sanic[Any, Any]) -> None:
        await his.close()

    return app


def main() -> int:
    """Migrate, then serve until SIGTERM."""
    try:
        settings = MicroHisSettings.from_environment()
    except SettingsError as error:
        print(f"micro-his: {error}", file=sys.stderr)  # noqa: T201  it tells a person why it does not start
        return 2
    configure_logging(settings.log_level)
    try:
        fresh = asyncio.run(migrate_patiently(settings.database_url))
    except MigrationError as error:
        log.error("micro_his_cannot_start", reason=str(error))
        return 1
    log.info("micro_his_migrated", applied=fresh)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.http.host, settings.http.port))
    listener.listen(BACKLOG)
    try:
        build_app(settings).run(sock=listener, single_process=True, access_log=False, motd=False)
    except (DatabaseUnavailable, OSError) as error:
        log.error("micro_his_cannot_start", reason=type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
