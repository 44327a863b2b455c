"""What the clients were told, kept on their side of the wire: the yardstick for what the platform has kept."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ledger:
    """The last acknowledged state of everything that the clients have changed.

    appointments: id -> the last body that acknowledged it. holds: id -> its last acknowledged status.
    """

    appointments: dict[str, dict[str, Any]] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    patients: set[str] = field(default_factory=set)

    def note_appointment(self, body: dict[str, Any]) -> None:
        """Keep what an acknowledgement said of an appointment."""
        self.appointments[body["id"]] = body

    def note_hold(self, hold_id: str, status: str) -> None:
        """Keep what an acknowledgement said of a hold."""
        self.holds[hold_id] = status
