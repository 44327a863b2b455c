"""What the clients were told, kept on their side of the wire: the yardstick for what the platform has kept."""

from dataclasses import dataclass, field
from typing import Any

_APPOINTMENT_WAY = ("booked", "arrived", "fulfilled")
# Of answers with equally many calls and passes, which one is the later.
_QUEUE_WAY = ("passed", "waiting", "called", "in-consultation", "finished", "left")


@dataclass
class Ledger:
    """The last acknowledged state of everything that the clients have changed.

    appointments: id -> the last body that acknowledged it. holds: id -> its last acknowledged status.
    entries: of the waitlist, id -> `waiting`, `taken`, `withdrawn`. offers: id -> `accepted`, `declined`.
    places: in queues, id -> the latest body. extra_seats: id -> the last body. stops: ids of orders.
    """

    appointments: dict[str, dict[str, Any]] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    patients: set[str] = field(default_factory=set)
    entries: dict[str, str] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    places: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra_seats: dict[str, dict[str, Any]] = field(default_factory=dict)
    stops: list[str] = field(default_factory=list)

    def note_appointment(self, body: dict[str, Any]) -> None:
        """Keep what an acknowledgement said of an appointment."""
        self.appointments[body["id"]] = body

    def note_hold(self, hold_id: str, status: str) -> None:
        """Keep what an acknowledgement said of a hold."""
        self.holds[hold_id] = status

    def note_place(self, body: dict[str, Any]) -> None:
        """Keep what an acknowledgement said of a place in a queue, and what follows for its appointment.

        Several nurses stand at one door, so a later step's answer may come before an earlier one's.
        """
        known = self.places.get(body["id"])
        if known is None or _step(known) < _step(body):
            self.places[body["id"]] = body
        self._follow(body["appointment_id"], "fulfilled" if body["status"] == "finished" else "arrived")

    def _follow(self, appointment_id: str, status: str) -> None:
        told = self.appointments[appointment_id]
        steps = _APPOINTMENT_WAY.index(status) - _APPOINTMENT_WAY.index(told["status"])
        if steps > 0:
            self.appointments[appointment_id] = told | {"status": status, "version": told["version"] + steps}


def _step(place: dict[str, Any]) -> tuple[int, int, int]:
    return place["calls"], place["passes"], _QUEUE_WAY.index(place["status"])
