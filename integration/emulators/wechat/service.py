"""The emulated WeChat put together: the mini-program's account, its users, tokens and messages."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import ANSWER_LOST, Faults
from integration.emulators.common.store import Store
from integration.emulators.wechat import messages, people, tokens
from kernel.settings import SettingsError

ACCOUNT: Final = "account.json"
TEMPLATES: Final = "templates.json"
SECRET_CHARACTERS_MIN: Final = 32

SYSTEM_BUSY: Final = "system_busy"
"""A call is answered with -1 and does nothing."""
FREQUENCY_LIMITED: Final = "frequency_limited"
"""A call is answered with 45011 and does nothing."""
UNAVAILABLE: Final = "unavailable"
"""A call is answered with 503 and does nothing."""
SLOW: Final = "slow"
"""A call is taken up after `seconds` (10)."""
CONNECTION_CUT: Final = "connection_cut"
"""What was asked is done, and the connection ends without an answer."""
TOKEN_EXPIRED: Final = "token_expired"  # noqa: S105  a fault's name
"""Before a call every token ends before its time."""
TOKEN_SPOILED: Final = "token_spoiled"  # noqa: S105  a fault's name
"""Before a call the present token is refused from now on, and still given until one is forced."""

INTERFACES: Final = ("login", "token", "phone", "send")
_OWN: Final = (SYSTEM_BUSY, FREQUENCY_LIMITED, UNAVAILABLE, SLOW, CONNECTION_CUT, TOKEN_EXPIRED, TOKEN_SPOILED)


def fault_of(name: str, interface: str) -> str:
    """Name a fault of one interface: `slow.send`."""
    return f"{name}.{interface}"


FAULTS: Final = frozenset(_OWN) | {fault_of(name, one) for name in (*_OWN, ANSWER_LOST) for one in INTERFACES}


@dataclass(frozen=True, slots=True)
class Account:
    """The hospital's mini-program at WeChat."""

    app_id: str
    secret: str


class WeChat:
    """One emulated mini-program over its folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            SettingsError: the account cannot be read.
        """
        try:
            account = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
            self.account = Account(str(account["app_id"]), str(account["secret"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{ACCOUNT} cannot be read: {type(error).__name__}") from error
        if len(self.account.secret) < SECRET_CHARACTERS_MIN:
            raise SettingsError(f"the secret wants at least {SECRET_CHARACTERS_MIN} characters")
        self.store = Store(folder / "wechat.sqlite3", schema=people.SCHEMA + tokens.SCHEMA + messages.SCHEMA)
        self.clock = EmulatorClock(self.store)
        self.faults = Faults(self.store, own=FAULTS)
        self.people = people.People(self.store, self.clock, app_id=self.account.app_id)
        self.tokens = tokens.Tokens(self.store, self.clock)
        self.messages = messages.Messages(self.store, self.clock, self.people)
        self._register_templates(folder / TEMPLATES)

    async def start(self) -> None:
        """Nothing but routes."""

    async def stop(self) -> None:
        """Close the books."""
        self.store.close()

    def _register_templates(self, path: Path) -> None:
        """Have the templates that lie in the folder, as chosen before; others may follow by control calls."""
        if not path.exists():
            return
        try:
            for one in json.loads(path.read_text(encoding="utf-8")):
                self.messages.register(
                    str(one["id"]),
                    title=str(one["title"]),
                    fields=list(one["fields"]),
                    is_long_term=bool(one.get("long_term", False)),
                )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ControlRefused) as error:
            raise SettingsError(f"{TEMPLATES} cannot be read: {type(error).__name__}") from error
