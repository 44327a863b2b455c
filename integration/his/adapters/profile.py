"""What an HL7 v2 adapter needs to know of a profile: how facts become messages, and back.

The profile itself is data mapping and lives in `integration.exchange.hl7v2`; a foreign HIS with other
segments brings another one, while connections, acknowledgements and retries stay as they are here.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from integration.codecs.hl7v2 import Message
from integration.codecs.hl7v2_header import Endpoint
from integration.his.port import InboundChange, OutboundChange


class MessageProfile(Protocol):
    """How one HIS's HL7 v2 dialect says things."""

    @property
    def platform(self) -> Endpoint:
        """Under which names the platform sends."""
        ...

    @property
    def charset(self) -> str:
        """In which character set (MSH-18) the platform writes."""
        ...

    def render(self, change: OutboundChange, *, message_id: UUID, at: datetime) -> Message:
        """Write one change as a message whose control id is `message_id`."""
        ...

    def read(self, message: Message) -> list[InboundChange]:
        """Understand a message of the HIS.

        Raises:
            Hl7Error: the profile does not allow it; it is answered with AR.
        """
        ...
