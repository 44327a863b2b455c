"""`python -m integration.emulators.fiscal.main`: a fiscal e-receipt platform in a sandbox, in a process of its own.

It is told what every emulator is (docs/adr/0310); the hospital's account, with the key that both share, lies in its
folder.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.common import faults
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.control import Control, reply
from integration.emulators.common.faults import Faults
from integration.emulators.common.process import Emulator, run
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.common.store import Store
from integration.emulators.fiscal.receipts import CODES, SCHEMA, FiscalNo, Message, Receipts
from kernel.log import get_logger
from kernel.settings import SettingsError

NAME: Final = "fiscal-emulator"
PREFIX: Final = "FISCAL_EMULATOR"
ACCOUNT: Final = "account.json"
VERSION: Final = "1.0"
KEY_CHARACTERS_MIN: Final = 16
NOISE_CHARACTERS_MAX: Final = 64

REFUSED: Final = "receipt_refused"
"""A call is refused with the code `code` (E0999) and does nothing."""
ANSWER_FORGED: Final = "answer_forged"
"""An answer is signed with another key."""
SILENT: Final = "platform_silent"
"""A call is answered with 503 and does nothing."""

log = get_logger("emulators")


class Platform:
    """The wire: signed calls in, signed answers out."""

    def __init__(self, receipts: Receipts, switches: Faults, *, app_id: str, key: str) -> None:
        self._receipts = receipts
        self._faults = switches
        self._app_id = app_id
        self._key = key
        self._others: dict[str, Callable[[Mapping[str, Any]], Message]] = {
            "writeOffEBill": receipts.write_off,
            "getEBillByBusNo": receipts.by_business_number,
            "getEBillStatesByBillInfo": receipts.by_name,
        }

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the wire's route into the application."""
        app.add_route(self.answer, "/api/medical/<method:str>", methods=["POST"], name="medical")

    async def answer(self, request: Request, method: str) -> HTTPResponse:
        """Answer a call."""
        if self._faults.take(SILENT) is not None:
            return HTTPResponse(b"", 503)
        try:
            data = self._open(request.body)
            if (refused := self._faults.take(REFUSED)) is not None:
                raise FiscalNo(str(refused.get("code", "E0999")), "拒绝")
            result, message = "S0000", json.dumps(self._act(method, data), ensure_ascii=False)
        except FiscalNo as refusal:
            log.info("fiscal_emulator_refuses", method=method, code=refusal.code)
            result, message = refusal.code, refusal.text
        changes = method in CODES or method == "writeOffEBill"
        if result == "S0000" and changes and self._faults.take(faults.ANSWER_LOST) is not None:
            return HTTPResponse(b"", 502)
        return self._seal(result, message)

    def _act(self, method: str, data: Mapping[str, Any]) -> Message:
        if method in CODES:
            return self._receipts.issue(method, data)
        if method not in self._others:
            raise FiscalNo("E0001", "接口服务标识不存在")
        return self._others[method](data)

    def _open(self, body: bytes) -> Mapping[str, Any]:
        try:
            outer = json.loads(body)
            given = {name: str(outer[name]) for name in ("appid", "data", "noise", "version", "sign")}
        except (ValueError, KeyError, TypeError) as error:
            raise FiscalNo("E0002", "请求报文无效") from error
        expected = self._sign(data=given["data"], noise=given["noise"], key=self._key)
        if given["appid"] != self._app_id or given["version"] != VERSION:
            raise FiscalNo("E0003", "应用账号或版本无效")
        if not hmac.compare_digest(expected.encode(), given["sign"].encode()):
            raise FiscalNo("E0004", "签名验证失败")
        if not 0 < len(given["noise"]) <= NOISE_CHARACTERS_MAX or not self._receipts.remember(given["noise"]):
            raise FiscalNo("E0005", "请求随机标识重复")
        try:
            data = json.loads(base64.b64decode(given["data"], validate=True))
        except ValueError as error:
            raise FiscalNo("E0002", "业务数据无效") from error
        if not isinstance(data, dict):
            raise FiscalNo("E0002", "业务数据无效")
        return data

    def _seal(self, result: str, message: str) -> HTTPResponse:
        inner = {"result": result, "message": base64.b64encode(message.encode()).decode()}
        data, noise = base64.b64encode(json.dumps(inner).encode()).decode(), secrets.token_hex(16)
        key = self._key if self._faults.take(ANSWER_FORGED) is None else secrets.token_hex(16)
        body = {"data": data, "noise": noise, "sign": self._sign(data=data, noise=noise, key=key)}
        return HTTPResponse(json.dumps(body), content_type="application/json;charset=utf-8")

    def _sign(self, *, data: str, noise: str, key: str) -> str:
        content = f"appid={self._app_id}&data={data}&noise={noise}&key={key}&version={VERSION}"
        return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest().upper()


class BooksControl(Control):
    """Shows the platform's books."""

    def __init__(self, receipts: Receipts, **common: Any) -> None:
        super().__init__(notifier=None, **common)
        self._receipts = receipts

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the control routes into the application."""
        super().mount(app)
        self.add(app, "GET", "/receipts", self.list_receipts)

    async def list_receipts(self, _request: Request) -> HTTPResponse:
        """Show the receipts, without whom they are made out to."""
        return reply({"receipts": self._receipts.list_all()})


def make(settings: EmulatorSettings) -> Emulator:
    """Open everything and give what is served.

    Raises:
        SettingsError: the account cannot be read.
    """
    try:
        account = json.loads((settings.folder / ACCOUNT).read_text(encoding="utf-8"))
        app_id, key = str(account["app_id"]), str(account["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{ACCOUNT} cannot be read: {type(error).__name__}") from error
    if len(key) < KEY_CHARACTERS_MIN:
        raise SettingsError(f"the key wants at least {KEY_CHARACTERS_MIN} characters")
    store = Store(settings.folder / "fiscal.sqlite3", schema=SCHEMA)
    clock = EmulatorClock(store)
    switches = Faults(store, own=frozenset({REFUSED, ANSWER_FORGED, SILENT}))
    receipts = Receipts(store, clock)
    platform = Platform(receipts, switches, app_id=app_id, key=key)
    control = BooksControl(receipts, token=settings.token, clock=clock, faults=switches)

    def mount(app: Sanic[Any, Any]) -> None:
        platform.mount(app)
        control.mount(app)

    async def start() -> None:
        """Nothing but routes."""

    async def stop() -> None:
        store.close()

    return Emulator(mount=mount, render_error=lambda _request, _error: None, start=start, stop=stop)


def main() -> int:
    """Serve until SIGTERM."""
    return run(NAME, PREFIX, make)


if __name__ == "__main__":
    sys.exit(main())
