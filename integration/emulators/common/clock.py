"""The time by which an emulator trades: the sandbox's, moved ahead on demand.

Trades, deadlines, the pauses between notifications and the days of bills follow it. Signatures do not: both sides
stamp and judge those by `kernel.clock.machine_now()`, as two companies' computers both keep the world's time.
"""

from datetime import datetime, timedelta
from typing import Final

from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store
from kernel import clock

ADVANCE_MAX: Final = timedelta(days=400)


class EmulatorClock:
    """The sandbox's time and a lead that only grows, remembered over restarts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        row = store.row("SELECT seconds FROM lead")
        self._lead = timedelta(seconds=row["seconds"] if row else 0)

    @property
    def lead(self) -> timedelta:
        """Tell how far the clock is ahead of the sandbox's."""
        return self._lead

    def now(self) -> datetime:
        """Tell the present instant of the emulator, UTC."""
        return clock.now() + self._lead

    def advance(self, by: timedelta) -> None:
        """Move the clock ahead.

        Raises:
            ControlRefused: backwards, or beyond what is played in a sandbox.
        """
        if not timedelta(0) <= by <= ADVANCE_MAX:
            raise ControlRefused("a clock is advanced by 0 seconds to 400 days")
        lead = self._lead + by
        self._store.execute(
            "INSERT INTO lead (only, seconds) VALUES (1, ?)"
            " ON CONFLICT (only) DO UPDATE SET seconds = excluded.seconds",
            int(lead.total_seconds()),
        )
        self._lead = lead
