"""Joins the notification centre with the ways by which messages leave this hospital."""

from kernel.settings import Settings
from notifications.ports import Handed
from notifications.ways import Ways, set_ways
from oauth.sign_in.sandbox_messages import SandboxMessages


class SandboxShortMessages:
    """The sandbox's telephones: short messages go to the letter box that sign-in codes go to."""

    async def send(self, *, phone: str, text: str) -> Handed:
        """Keep a message for its number."""
        await SandboxMessages().send(phone=phone, text=text)
        return Handed("accepted")


def build_ways(settings: Settings) -> Ways:
    """Say which ways are connected. No message gateway is, so a production sends no short messages."""
    return Ways(sms=None if settings.production else SandboxShortMessages())


def connect_messages(settings: Settings) -> None:
    """Connect the ways at the start of a process."""
    set_ways(build_ways(settings))
