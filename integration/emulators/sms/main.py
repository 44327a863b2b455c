"""`python -m integration.emulators.sms.main`: a gateway for short messages, in a process of its own.

It is told what every emulator is (docs/adr/0310); the application's account lies in its folder.
"""

import sys
from typing import Any, Final

from sanic import Sanic

from integration.emulators.common.control import Control
from integration.emulators.common.process import Emulator, run
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.sms.sandbox import Sandbox
from integration.emulators.sms.service import Gateway
from integration.emulators.sms.web import SmsApi

NAME: Final = "sms_emulator"
PREFIX: Final = "SMS_EMULATOR"


def make(settings: EmulatorSettings) -> Emulator:
    """Open the folder and put the routes together.

    Raises:
        SettingsError: the account cannot be read.
    """
    service = Gateway(settings.folder)
    api = SmsApi(service)
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
