"""WeChat beside the platform: the emulator in its own process, people with telephones, and our side of it."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from integration.wechat.miniprogram import MiniProgram
from runtime.embedded.ports import any_free
from runtime.sandbox_channels import WECHAT_APP_ID, open_wechat_account
from tests.factories.emulators import EmulatorProcess, emulator
from tests.server import WebServer

MODULE = "integration.emulators.wechat.main"
PREFIX = "WECHAT_EMULATOR"
TEMPLATE = "tGq8bV0hC1aZ-appointment_made"
FIELDS = ("thing1", "time2", "thing3", "character_string4")
DATA = {
    "thing1": "心血管内科 李医生",
    "time2": "2026年11月26日 09:30",
    "thing3": "东院区",
    "character_string4": "A0123",
}

_phones = count(13900000001)


@dataclass
class WeChatBeside:
    """The emulated WeChat, and what its users do."""

    process: EmulatorProcess
    keys_dir: Path

    @property
    def secret(self) -> str:
        return (self.keys_dir / "sandbox" / "wechat" / "app_secret").read_text().strip()

    def mini_program(self, **wishes: Any) -> MiniProgram:
        wanted = {"app_id": WECHAT_APP_ID, "secret": self.secret, "base_url": self.process.url} | wishes
        return MiniProgram(**wanted)

    async def person(self, **wishes: Any) -> dict[str, Any]:
        return await self.process.ask("/people", {"phone": str(next(_phones))} | wishes)

    async def login_code(self, openid: str) -> str:
        code: str = (await self.process.ask(f"/people/{openid}/login-codes", {}))["code"]
        return code

    async def phone_code(self, openid: str) -> str:
        code: str = (await self.process.ask(f"/people/{openid}/phone-codes", {}))["code"]
        return code

    async def register(self, template_id: str = TEMPLATE, **wishes: Any) -> None:
        body = {"title": "预约成功通知", "fields": FIELDS} | wishes
        answer = await self.process.control.put(f"/sandbox/templates/{template_id}", json=body)
        assert answer.status_code == 200, answer.text

    async def choose(self, openid: str, choice: str = "accept", *, times: int = 1, template_id: str = TEMPLATE) -> None:
        body = {"template_id": template_id, "choice": choice, "times": times}
        await self.process.ask(f"/people/{openid}/subscriptions", body)

    async def received(self, openid: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.process.show(f"/people/{openid}/messages"))["messages"]
        return found

    async def tokens(self) -> dict[str, Any]:
        return await self.process.show("/tokens")


def settings_of_server() -> dict[str, Any]:
    """Settings of a web process that has a mini-program; nobody answers there before `wechat_of` starts it."""
    return {
        "WECHAT_BASE_URL": f"http://127.0.0.1:{any_free('127.0.0.1')}",
        "WECHAT_APP_ID": WECHAT_APP_ID,
        "WECHAT_APP_SECRET": "env:SECRET_OF_THE_TESTS",
        "SECRET_OF_THE_TESTS": secrets.token_hex(16),
    }


@asynccontextmanager
async def wechat_of(server: WebServer) -> AsyncIterator[WeChatBeside]:
    """Bring up the emulated WeChat that a web process speaks with, and end it afterwards."""
    folder = Path(server.environment["DATA_DIR"]) / "wechat"
    folder.mkdir(exist_ok=True)
    account = {"app_id": WECHAT_APP_ID, "secret": server.environment["SECRET_OF_THE_TESTS"]}
    (folder / "account.json").write_text(json.dumps(account))
    port = int(server.environment["WECHAT_BASE_URL"].rpartition(":")[2])
    async with emulator(MODULE, PREFIX, folder, port=port) as process:
        yield WeChatBeside(process, server.keys_dir)


@asynccontextmanager
async def wechat(folder: Path) -> AsyncIterator[WeChatBeside]:
    """Bring the emulated WeChat up with the hospital's mini-program."""
    keys_dir, own_dir = folder / "keys", folder / "wechat"
    open_wechat_account(keys_dir=keys_dir, emulator_dir=own_dir)
    async with emulator(MODULE, PREFIX, own_dir) as process:
        yield WeChatBeside(process, keys_dir)
