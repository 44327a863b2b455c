"""`python -m integration.emulators.wechatpay.main`: WeChat Pay of a sandbox, in a process of its own."""

import sys
from typing import Any, Final

from sanic import Sanic

from integration.emulators.common.control import Control
from integration.emulators.common.process import Emulator, run
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.wechatpay.medical_web import MedicalApi
from integration.emulators.wechatpay.pages import PayerPages
from integration.emulators.wechatpay.sandbox import Sandbox
from integration.emulators.wechatpay.service import WechatPay
from integration.emulators.wechatpay.web import WechatPayApi

NAME: Final = "wechatpay_emulator"
PREFIX: Final = "WECHATPAY_EMULATOR"


def make(settings: EmulatorSettings) -> Emulator:
    """Open the channel's folder and put its routes together."""
    channel = WechatPay(settings.folder)
    api = WechatPayApi(channel, base_url=f"http://{settings.http}")
    control = Control(token=settings.token, clock=channel.clock, faults=channel.faults, notifier=channel.notifier)

    def mount(app: Sanic[Any, Any]) -> None:
        api.mount(app)
        control.mount(app)
        Sandbox(channel).mount(app, control)
        PayerPages(channel).mount(app)
        MedicalApi(channel).mount(app, api, control)

    return Emulator(mount=mount, render_error=api.render_error, start=channel.start, stop=channel.stop)


def main() -> int:
    """Serve until SIGTERM."""
    return run(NAME, PREFIX, make)


if __name__ == "__main__":
    sys.exit(main())
