"""A gateway for short messages beside the platform: the emulator in its own process, and our side of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from integration.sms.gateway import Account, SmsGateway
from integration.sms.signing import Key
from kernel.clock import SHANGHAI
from kernel.settings import Settings, ShortMessageAccount
from runtime.sandbox_channels import SMS_APP_ID, SMS_SETTINGS, SMS_SIGN_NAME, open_sms_account
from tests.factories.emulators import EmulatorProcess, emulator

MODULE = "integration.emulators.sms.main"
PREFIX = "SMS_EMULATOR"
TEMPLATE = "9000109"
"""Of `waitlist.offered`: two values."""
VALUES = ("张**", "11月29日（周日）12:00")
CODE_TEMPLATE = "9000001"

_phones = count(13700000001)


def new_phone() -> str:
    """Give a number that no other test has."""
    return str(next(_phones))


@dataclass
class SmsBeside:
    """The emulated gateway, and what its telephones do."""

    process: EmulatorProcess
    keys_dir: Path

    @property
    def key(self) -> Key:
        ours = self.keys_dir / "sandbox" / "sms"
        return Key((ours / "secret_id").read_text().strip(), (ours / "secret_key").read_text().strip())

    @property
    def account(self) -> Account:
        return Account(SMS_APP_ID, SMS_SIGN_NAME, self.key)

    @property
    def settings(self) -> ShortMessageAccount:
        """Give what a platform process beside it reads from its environment."""
        env = {"DATABASE_URL": "postgresql://nowhere/", "SMS_BASE_URL": self.process.url} | SMS_SETTINGS
        found = Settings.from_environment(env).sms
        assert found is not None
        return found

    def gateway(self, *, account: Account | None = None, **wishes: Any) -> SmsGateway:
        return SmsGateway(account or self.account, **({"base_url": self.process.url} | wishes))

    def gateway_with(self, **changes: Any) -> SmsGateway:
        """Give a gateway of an account that is not quite the right one."""
        return self.gateway(account=replace(self.account, **changes))

    async def received(self, phone: str) -> list[str]:
        found = (await self.process.show(f"/telephones/{phone}/messages"))["messages"]
        return [one["content"] for one in found]

    async def taken(self) -> int:
        return int((await self.process.show("/messages"))["count"])

    async def go_to_noon(self) -> None:
        """Move the gateway's clock to the next noon in Guangzhou: the counts of a day begin at midnight there."""
        now = datetime.fromisoformat((await self.process.show("/state"))["now"]).astimezone(SHANGHAI)
        noon = now.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
        await self.process.advance(int((noon - now).total_seconds()))

    async def put(self, path: str, body: dict[str, Any]) -> None:
        answer = await self.process.control.put(f"/sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text

    async def telephone(self, phone: str, state: str) -> None:
        await self.put(f"/telephones/{phone}", {"state": state})

    async def limit(self, name: str, most: int) -> None:
        await self.put(f"/limits/{name}", {"most": most})


@asynccontextmanager
async def sms(folder: Path) -> AsyncIterator[SmsBeside]:
    """Bring the emulated gateway up with the hospital's application."""
    keys_dir, own_dir = folder / "keys", folder / "sms"
    open_sms_account(keys_dir=keys_dir, emulator_dir=own_dir)
    async with emulator(MODULE, PREFIX, own_dir) as process:
        yield SmsBeside(process, keys_dir)
