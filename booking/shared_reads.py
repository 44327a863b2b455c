"""One read for all who ask the same at the same time.

Always fresh: an answer comes from a read that began after the question arrived. Questions that arrive while a read is
running share the next one, so that a thousand phones that open one page cost a few statements.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class SharedReads(Generic[Key, Value]):
    """Joins the questions of this process, by what is asked."""

    def __init__(self, read: Callable[[Key], Awaitable[Value]]) -> None:
        self._read = read
        self._coming: dict[Key, asyncio.Task[Value]] = {}
        self._running: dict[Key, asyncio.Task[Value]] = {}

    async def get(self, key: Key) -> Value:
        """Give what a read that begins from now on finds; what it raises, all who wait for it are told.

        A caller who goes away leaves the read to the others.
        """
        task = self._coming.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._serve(key, self._running.get(key)))
            # Its readers may have gone; then nobody is left to be told.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._coming[key] = task
        return await asyncio.shield(task)

    async def _serve(self, key: Key, before: asyncio.Task[Value] | None) -> Value:
        if before is not None:
            await asyncio.wait([before])
        mine = self._coming.pop(key)
        self._running[key] = mine
        try:
            return await self._read(key)
        finally:
            if self._running.get(key) is mine:
                del self._running[key]
