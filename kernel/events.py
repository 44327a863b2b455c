"""Who did it: the actor that every event row and change record names."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose request something happens.

    client_id: the application (or `system:...`, `his:...` for our own and the HIS's doing).
    channel:   the booking channel whose pools and release rules apply.
    staff_code: the member of staff an internal application acts for.
    on_behalf_of: the member of staff whose delegate that one is, if they act as such.
    device_hash: the device that a partner's application names, as a keyed hash.
    """

    client_id: str
    channel: str
    kind: Literal["partner", "internal", "system", "his"]
    staff_code: str | None = None
    request_id: str | None = None
    device_hash: bytes | None = None
    on_behalf_of: str | None = None

    @property
    def sees_all(self) -> bool:
        """Tell whether other clients' patients and appointments are visible: not to partners."""
        return self.kind != "partner"
