"""JSON lines on standard output. Ids only: never a name, a number of a document or a telephone, a token."""

import logging
import sys
from typing import Final

import asyncpg
import structlog

CAUSES_MAX: Final = 20
VALUE_LEFT_OUT: Final = "what was wrong with a value is left out"


def configure_logging(level: str = "INFO") -> None:
    """Send our lines and the libraries' warnings to standard output as JSON, one object a line, UTC."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _leave_out_rows,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processor=structlog.processors.JSONRenderer(ensure_ascii=False),
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _leave_out_rows(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Keep what PostgreSQL and its driver show of a refused row or value out of the log: it may be a person's."""
    error = event.get("exc_info")
    if error is True or isinstance(error, tuple):
        error = sys.exc_info()[1] if error is True else error[1]
    for _ in range(CAUSES_MAX):
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        if isinstance(error, asyncpg.DataError | asyncpg.InterfaceError):
            # These say what the value was, too.
            error.args = (VALUE_LEFT_OUT,)
        if not isinstance(error, BaseException):
            break
        error = error.__cause__ or error.__context__
    return event


def get_logger(room: str) -> structlog.typing.FilteringBoundLogger:
    """Give a room its logger; lines carry `room`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return logger
