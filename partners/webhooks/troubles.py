"""A sandbox's faults of deliveries: lost ones that nobody is sent, and doubled ones that come twice under one id."""

import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import Database, Row
from partners.policies import REMEMBER_SECONDS
from partners.sandbox.faults import DELIVERIES, Fault, Kind, fault_of, strike

_WAITING: Final = """
SELECT * FROM sandbox_fault WHERE status = 'active' AND ends_at > $1 AND kind = ANY ($2) ORDER BY id LIMIT 10000
"""


class Troubles:
    """The faults that wait for deliveries, remembered as long as an application's door is."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known_until = 0.0
        self._waiting: dict[str, list[Fault]] = {}

    async def strike(self, rows: Sequence[Row]) -> dict[UUID, Kind]:
        """Let faults hit deliveries that are about to be sent; give those that are hit, by delivery.

        Only a first try is doubled: the second sending is none that could be doubled again.

        Raises:
            DatabaseUnavailable.
        """
        if time.monotonic() >= self._known_until:
            await self._read()
        if not self._waiting:
            return {}
        struck: dict[UUID, Kind] = {}
        for row in rows:
            kinds = DELIVERIES if row["tries"] == 1 else DELIVERIES - {"webhook_doubled"}
            waiting = self._waiting.get(row["client_id"], ())
            fault = await strike(self._db, waiting, kinds, name=row["event_type"])
            if fault is not None:
                struck[row["id"]] = fault.kind
        return struck

    async def _read(self) -> None:
        # As old as its question, like a door.
        until = time.monotonic() + REMEMBER_SECONDS
        waiting: dict[str, list[Fault]] = {}
        for row in await self._db.fetch(_WAITING, clock.now(), sorted(DELIVERIES)):
            waiting.setdefault(row["client_id"], []).append(fault_of(row))
        self._waiting, self._known_until = waiting, until
