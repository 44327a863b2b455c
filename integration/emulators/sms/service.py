"""The emulated gateway put together: the application's account, its templates and messages."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.store import Store
from integration.emulators.sms.messages import SCHEMA, Messages, read_templates
from kernel.settings import SettingsError

ACCOUNT: Final = "account.json"
TEMPLATES: Final = "templates.json"
SECRET_CHARACTERS_MIN: Final = 32

CALL_REFUSED: Final = "call_refused"
"""A call is refused with the code `code` and does nothing."""
NUMBER_REFUSED: Final = "number_refused"
"""A message is refused with the code `code` and not sent."""
IN_DOUBT: Final = "in_doubt"
"""A message is sent, and the gateway says that it does not know (InternalError.Timeout)."""
UNAVAILABLE: Final = "unavailable"
"""A call is answered with 503 and does nothing."""
SLOW: Final = "slow"
"""A call is taken up after `seconds` (10)."""
CONNECTION_CUT: Final = "connection_cut"
"""What was asked is done, and the connection ends without an answer."""

FAULTS: Final = frozenset({CALL_REFUSED, NUMBER_REFUSED, IN_DOUBT, UNAVAILABLE, SLOW, CONNECTION_CUT})


@dataclass(frozen=True, slots=True)
class Account:
    """The hospital's application at the gateway, and a key of its account."""

    app_id: str
    sign_name: str
    secret_id: str
    secret_key: str


class Gateway:
    """One emulated application over its folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            SettingsError: the account or the templates cannot be read.
        """
        try:
            account = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
            self.account = Account(*(str(account[name]) for name in ("app_id", "sign_name", "secret_id", "secret_key")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{ACCOUNT} cannot be read: {type(error).__name__}") from error
        if len(self.account.secret_key) < SECRET_CHARACTERS_MIN:
            raise SettingsError(f"the secret key wants at least {SECRET_CHARACTERS_MIN} characters")
        self.store = Store(folder / "sms.sqlite3", schema=SCHEMA)
        self.clock = EmulatorClock(self.store)
        self.faults = Faults(self.store, own=FAULTS)
        self.messages = Messages(self.store, self.clock, sign_name=self.account.sign_name)
        self._register_templates(folder / TEMPLATES)

    async def start(self) -> None:
        """Nothing but routes."""

    async def stop(self) -> None:
        """Close the books."""
        self.store.close()

    def _register_templates(self, path: Path) -> None:
        """Have the templates that lie in the folder, as approved before; others may follow by control calls."""
        if not path.exists():
            return
        try:
            for one in read_templates(path.read_text(encoding="utf-8")):
                self.messages.register(**one)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ControlRefused) as error:
            raise SettingsError(f"{TEMPLATES} cannot be read: {type(error).__name__}") from error
