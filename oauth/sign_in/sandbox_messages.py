"""The sandbox's message port: what would go to telephones goes to a table, to be read by tests and demonstrations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kernel import clock
from kernel.crypto import cipher
from kernel.db import database

SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class SandboxMessage:
    """A message that the sandbox has kept instead of sending it."""

    at: datetime
    text: str


class SandboxMessages:
    """Keeps messages, sealed; `MODE=production` never has one."""

    async def send(self, *, phone: str, text: str, template: str, values: Sequence[str]) -> None:  # noqa: ARG002  for gateways
        """Keep a message for its number."""
        await keep_message(phone=phone, text=text)


async def keep_message(*, phone: str, text: str) -> None:
    """Keep what a telephone of the sandbox has received."""
    await database().execute(
        "INSERT INTO sandbox_message (at, phone_hash, text_cipher) VALUES ($1, $2, $3)",
        clock.now(),
        cipher().lookup_hash(phone),
        cipher().seal(text),
    )


async def read_messages(phone: str) -> list[SandboxMessage]:
    """Give the last messages to a number, newest first."""
    rows = await database().fetch(
        "SELECT at, text_cipher FROM sandbox_message WHERE phone_hash = $1 ORDER BY id DESC LIMIT $2",
        cipher().lookup_hash(phone),
        SHOWN_MAX,
    )
    return [SandboxMessage(row["at"], cipher().open(row["text_cipher"])) for row in rows]
