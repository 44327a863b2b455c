"""What each web process must hear of within a second: revocations, locks against guessing, and new signing keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kernel.db import DatabaseUnavailable
from kernel.log import get_logger
from oauth import attempts, keys, tokens
from oauth.revocation import revoked

PAUSE_SECONDS: Final = 0.4
HEAR_SECONDS_MAX: Final = 2.0

log = get_logger("oauth")


@asynccontextmanager
async def watching() -> AsyncIterator[None]:
    """Listen for as long as this lasts; the first word is in before it begins.

    Raises:
        DatabaseUnavailable: there is no first word.
    """
    await _hear()
    task = asyncio.create_task(_watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watch() -> None:
    is_deaf = False
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            async with asyncio.timeout(HEAR_SECONDS_MAX):
                await _hear()
        except (DatabaseUnavailable, TimeoutError) as error:
            if not is_deaf:
                log.warning("revocations_not_heard", reason=type(error).__name__)
            is_deaf = True
            continue
        except Exception as error:
            # A fault of ours must not end the watch: while it lasts, tokens are looked up one by one.
            log.error("watch_failed", exc_info=error)
            continue
        if is_deaf:
            log.info("revocations_heard_again")
        is_deaf = False


async def _hear() -> None:
    await revoked.hear()
    attempts.note_locks(await attempts.read_locks())
    if keys.reload_if_changed():
        tokens.forget()
