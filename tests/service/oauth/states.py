"""The type of the fixture that shows whether an attack has changed anything."""

from collections.abc import Awaitable, Callable

State = Callable[[], Awaitable[dict[str, str]]]
