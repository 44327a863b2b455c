"""Which ways are connected in this process: said once at its start, by `runtime`."""

from dataclasses import dataclass

from notifications.kinds import Channel
from notifications.ports import ShortMessages, WeChatIdentities, WeChatMessages


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways beside the inbox. None: not connected; then nothing is planned for it, and nothing pretended."""

    wechat: WeChatMessages | None = None
    identities: WeChatIdentities | None = None
    sms: ShortMessages | None = None

    def has(self, channel: Channel) -> bool:
        """Tell whether a channel is connected."""
        if channel == "wechat":
            return self.wechat is not None and self.identities is not None
        return self.sms is not None

    @property
    def wants_sms_templates(self) -> bool:
        """Tell whether a kind without a template at the gateway cannot go to telephones."""
        return self.sms is not None and self.sms.wants_templates


_ways = Ways()


def set_ways(ways: Ways) -> None:
    """Connect the ways of this process."""
    global _ways  # noqa: PLW0603  said once, at the start of a process
    _ways = ways


def ways() -> Ways:
    """Give the ways of this process."""
    return _ways
