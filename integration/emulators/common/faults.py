"""Faults on demand: switches that a test or a demonstration sets, each for so many times or until it is cleared."""

import json
from collections.abc import Mapping
from typing import Any, Final

from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store

NOTIFICATION_DROPPED: Final = "notification_dropped"
"""A sending counts as tried and is not made."""
NOTIFICATION_DOUBLED: Final = "notification_doubled"
"""A sending is made twice at once."""
NOTIFICATION_DELAYED: Final = "notification_delayed"
"""A sending is put off by `seconds` (60)."""
NOTIFICATION_REORDERED: Final = "notification_reordered"
"""A sending waits until a later notification has been sent, 60 s at most."""
ANSWER_LOST: Final = "answer_lost"
"""What was asked is done and committed, and the caller gets a 5xx."""

EVERY_EMULATOR: Final = frozenset(
    {NOTIFICATION_DROPPED, NOTIFICATION_DOUBLED, NOTIFICATION_DELAYED, NOTIFICATION_REORDERED, ANSWER_LOST}
)
TIMES_MAX: Final = 1_000_000
SECONDS_MAX: Final = 864_000


class Faults:
    """The switches of one emulator, remembered over restarts."""

    def __init__(self, store: Store, *, own: frozenset[str] = frozenset()) -> None:
        """Take the names that this emulator knows besides the common ones."""
        self._store = store
        self._known = EVERY_EMULATOR | own

    def set(self, name: str, *, times: int | None, parameters: Mapping[str, Any]) -> None:
        """Switch a fault on: for the next `times` occasions, or until it is cleared (None).

        Raises:
            ControlRefused: no such fault, or a number that cannot be meant.
        """
        if name not in self._known:
            raise ControlRefused(f"no fault of that name; known: {', '.join(sorted(self._known))}")
        if times is not None and not 1 <= times <= TIMES_MAX:
            raise ControlRefused("times is 1 to 1000000, or null for until cleared")
        seconds = parameters.get("seconds", 0)
        if not isinstance(seconds, int) or not 0 <= seconds <= SECONDS_MAX:
            raise ControlRefused("seconds is a whole number, 0 to 864000")
        self._store.execute(
            "INSERT INTO fault (name, times, parameters) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET times = excluded.times, parameters = excluded.parameters",
            name,
            times,
            json.dumps(parameters),
        )

    def clear(self, name: str) -> None:
        """Switch a fault off; one that is off stays off."""
        self._store.execute("DELETE FROM fault WHERE name = ?", name)

    def clear_all(self) -> None:
        """Switch every fault off."""
        self._store.execute("DELETE FROM fault")

    def take(self, name: str) -> Mapping[str, Any] | None:
        """Use a fault once: its parameters, or None where it is off."""
        assert name in self._known, f"{name} is not declared"
        row = self._store.row("SELECT times, parameters FROM fault WHERE name = ?", name)
        if row is None:
            return None
        if row["times"] == 1:
            self.clear(name)
        elif row["times"] is not None:
            self._store.execute("UPDATE fault SET times = times - 1 WHERE name = ?", name)
        parameters: Mapping[str, Any] = json.loads(row["parameters"])
        return parameters

    def list_all(self) -> dict[str, Any]:
        """Show what is switched on."""
        return {
            row["name"]: {"times": row["times"], "parameters": json.loads(row["parameters"])}
            for row in self._store.rows("SELECT name, times, parameters FROM fault ORDER BY name")
        }
