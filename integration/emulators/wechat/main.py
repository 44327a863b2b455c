"""`python -m integration.emulators.wechat.main`: WeChat's server side of a mini-program, in a process of its own.

It is told what every emulator is (docs/adr/0310); the mini-program's account lies in its folder.
"""

import sys
from typing import Any, Final

from sanic import Sanic

from integration.emulators.common.control import Control
from integration.emulators.common.process import Emulator, run
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.wechat.sandbox import Sandbox
from integration.emulators.wechat.service import WeChat
from integration.emulators.wechat.web import WeChatApi

NAME: Final = "wechat_emulator"
PREFIX: Final = "WECHAT_EMULATOR"


def make(settings: EmulatorSettings) -> Emulator:
    """Open the folder and put the routes together.

    Raises:
        SettingsError: the account cannot be read.
    """
    service = WeChat(settings.folder)
    api = WeChatApi(service)
    control = Control(token=settings.token, clock=service.clock, faults=service.faults, notifier=None)

    def mount(app: Sanic[Any, Any]) -> None:
        api.mount(app)
        control.mount(app)
        Sandbox(service).mount(app, control)

    return Emulator(mount=mount, render_error=api.render_error, start=service.start, stop=service.stop)


def main() -> int:
    """Serve until SIGTERM."""
    return run(NAME, PREFIX, make)


if __name__ == "__main__":
    sys.exit(main())
