"""Who did it: the actor that every event row and change record names."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose request something happens.

    client_id: the application (or `account:...` for a patient's account in our own mini-program and pages, `system:...`
    and `his:...` for our own and the HIS's doing).
    channel:   the booking channel whose pools and release rules apply.
    staff_code: the member of staff an internal application acts for.
    on_behalf_of: the member of staff whose delegate that one is, if they act as such.
    device_hash: the device that a patient asks from, as a keyed hash, where it is known.
    """

    client_id: str
    channel: str
    kind: Literal["partner", "account", "internal", "system", "his"]
    staff_code: str | None = None
    request_id: str | None = None
    device_hash: bytes | None = None
    on_behalf_of: str | None = None

    @property
    def sees_all(self) -> bool:
        """Tell whether what others have made is visible: not to partners.

        An account's surface asks first whether it acts for the person whose it is (docs/adr/0400).
        """
        return self.kind != "partner"

    @property
    def acts_for_the_public(self) -> bool:
        """Tell whether patients ask for themselves, or a partner for them, with nobody of the hospital beside them."""
        return self.kind in ("partner", "account")
