"""Joins the notification centre with the ways by which messages leave this hospital."""

from integration.wechat.miniprogram import MiniProgram
from kernel.settings import Settings
from notifications.ports import Handed
from notifications.ways import Ways, set_ways
from oauth.sign_in.sandbox_messages import SandboxMessages
from runtime.wechat import WeChatOpenids, WeChatWay, open_mini_program


class SandboxShortMessages:
    """The sandbox's telephones: short messages go to the letter box that sign-in codes go to."""

    async def send(self, *, phone: str, text: str) -> Handed:
        """Keep a message for its number."""
        await SandboxMessages().send(phone=phone, text=text)
        return Handed("accepted")


def build_ways(settings: Settings, mini_program: MiniProgram | None) -> Ways:
    """Say which ways are connected. No message gateway is, so a production sends no short messages."""
    return Ways(
        wechat=None if mini_program is None else WeChatWay(mini_program),
        identities=None if mini_program is None else WeChatOpenids(mini_program.app_id),
        sms=None if settings.production else SandboxShortMessages(),
    )


def connect_messages(settings: Settings) -> None:
    """Connect the ways at the start of a process.

    Raises:
        FileNotFoundError: the mini-program's secret is not where WECHAT_APP_SECRET says.
    """
    set_ways(build_ways(settings, open_mini_program(settings)))
