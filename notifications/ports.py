"""The ways by which messages leave the hospital, named here and supplied by `runtime`.

A way that is not connected is None: nothing is pretended to be sent by it (docs/notifications.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

Outcome = Literal["accepted", "no_quota", "no_receiver", "bad_template", "bad_content", "busy", "unknown"]
"""What came of handing a message over.

accepted:     taken, and on its way.
no_quota:     the person has not accepted this template, or their one-time subscription is used up (WeChat 43101).
no_receiver:  no such person there: an invalid openid, a number that cannot be one (WeChat 40003, 40036), or one whose
              owner or network takes none.
bad_template: the template does not exist, is not approved or has other parameters (WeChat 40037, 40165, 41030).
bad_content:  a field is too long, of another kind or refused for its words (WeChat 47003, 87014).
busy:         surely not sent, and may be later: too often, or the service is down (WeChat -1, 45009, 45011).
unknown:      nobody knows whether it was taken: the answer was lost after the request had left.
"""


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of one try. code: what the other side called it, for the delivery record; never a text with names."""

    outcome: Outcome
    code: str | None = None


@dataclass(frozen=True, slots=True)
class SubscribeMessage:
    """A WeChat subscribe message (`cgi-bin/message/subscribe/send`).

    data: the template's field (`thing1`, `time2`) to its value, within the length of the field's kind already.
    page: which page of the mini-program opens, with its query; None: no page.
    """

    openid: str
    template_id: str
    data: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """A message to a telephone.

    text: as it is read, for a way that sends whatever it is given. template_id, values: the hospital's template at its
    gateway, and what stands for {1}, {2}, ... in it; a gateway in China sends nothing else.
    """

    phone: str = field(repr=False)
    text: str = field(repr=False)
    template_id: str | None = None
    values: Sequence[str] = ()


class WeChatMessages(Protocol):
    """WeChat's server, as the mini-program's owner calls it."""

    async def send(self, message: SubscribeMessage) -> Handed:
        """Hand a subscribe message over; one request, with time limits of its own, and no tries behind the scenes.

        It never raises for what the other side says: that is an outcome. Called outside any transaction.
        """
        ...


class ShortMessages(Protocol):
    """The gateway for messages to telephones (SMS)."""

    @property
    def wants_templates(self) -> bool:
        """Tell whether a kind without a template cannot be sent by it."""
        ...

    async def send(self, message: ShortMessage) -> Handed:
        """Hand a short message over; as for WeChat, one request, and an outcome instead of an error."""
        ...


class WeChatIdentities(Protocol):
    """Who an account is to the mini-program; sign-in knows."""

    async def openids(self, account_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Give the openids of those accounts that have one now."""
        ...
