"""`python -m integration.emulators.insurance.main`: the insurance's mobile payment centre in a process of its own.

It is told what every emulator is (docs/adr/0310); the hospital's account, with the centre's own keys, lies in its
folder.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import gmssl_pyx
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.codecs import insurance_envelope as envelope
from integration.emulators.common import faults
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.control import Control, read_object, reply, text
from integration.emulators.common.faults import Faults
from integration.emulators.common.process import Emulator, run
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.common.store import Store
from integration.emulators.insurance.orders import SCHEMA, CentreNo, Message, Orders
from integration.emulators.insurance.pages import CONSENT_SILENT, CredentialPages
from integration.emulators.insurance.pages import SCHEMA as CONSENTS
from kernel import clock as kernel_clock
from kernel.log import get_logger
from kernel.settings import SettingsError

NAME: Final = "insurance-emulator"
PREFIX: Final = "INSURANCE_EMULATOR"
ACCOUNT: Final = "account.json"
WINDOW: Final = timedelta(minutes=5)
POOLED_PERCENT: Final = 60
ACCOUNT_PERCENT: Final = 20

REFUSED: Final = "centre_refused"
"""A call is refused with the code `code` (9999) and does nothing."""
ANSWER_FORGED: Final = "answer_forged"
"""An answer is signed with another key."""
SILENT: Final = "centre_silent"
"""A call is answered with 503 and does nothing."""
SHARE: Final = "insurance_share"
"""The insurance pays `pooled` and `account` percent of the next bill (60 and 20)."""
PAY_FAILS: Final = "insurance_fails"
"""The next bill that is to be paid fails (15)."""
REFUND_UNCLEAR: Final = "refund_unclear"
"""A refund is answered with EXP; it is done where `done` is not 0."""
REFUND_FAILS: Final = "refund_fails"
"""A refund is answered with FAIL and is not done."""
OWN_FAULTS: Final = frozenset(
    {REFUSED, ANSWER_FORGED, SILENT, SHARE, PAY_FAILS, REFUND_UNCLEAR, REFUND_FAILS, CONSENT_SILENT}
)

log = get_logger("emulators")


class Centre:
    """The wire: sealed calls in, sealed answers out."""

    def __init__(self, orders: Orders, switches: Faults, *, party: envelope.Party, org_code: str) -> None:
        self._orders = orders
        self._faults = switches
        self._party = party
        self._org_code = org_code
        self._calls: dict[str, Callable[[Mapping[str, Any]], Message]] = {
            "uldFeeInfo": orders.upload,
            "pay_order": self._pay,
            "query_order_info": orders.query,
            "refund_Order": self._refund,
            "revoke_order": orders.revoke,
        }

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the wire's route into the application."""
        app.add_route(self.answer, "/org/local/api/hos/<call:str>", methods=["POST"], name="hos")

    async def answer(self, request: Request, call: str) -> HTTPResponse:
        """Answer a call."""
        if self._faults.take(SILENT) is not None:
            return HTTPResponse(b"", 503)
        code, words, data = "0", "成功", Message()
        try:
            asked = self._open(request.body)
            if (refused := self._faults.take(REFUSED)) is not None:
                raise CentreNo(str(refused.get("code", "9999")), "拒绝")
            if call not in self._calls:
                raise CentreNo("0404", "接口不存在")
            data = self._calls[call](asked)
        except CentreNo as refusal:
            log.info("insurance_emulator_refuses", call=call, code=refusal.code)
            code, words = refusal.code, refusal.text
        if code == "0" and call != "query_order_info" and self._faults.take(faults.ANSWER_LOST) is not None:
            return HTTPResponse(b"", 502)
        return self._seal(code, words, data)

    def _pay(self, data: Mapping[str, Any]) -> Message:
        share = self._faults.take(SHARE) or {}
        return self._orders.pay(
            data,
            pooled_percent=int(share.get("pooled", POOLED_PERCENT)),
            account_percent=int(share.get("account", ACCOUNT_PERCENT)),
            fails=self._faults.take(PAY_FAILS) is not None,
        )

    def _refund(self, data: Mapping[str, Any]) -> Message:
        if self._faults.take(REFUND_FAILS) is not None:
            return {"refStatus": "FAIL"}
        if (unclear := self._faults.take(REFUND_UNCLEAR)) is not None:
            if unclear.get("done", 1):
                self._orders.refund(data)
            return {"refStatus": "EXP"}
        return self._orders.refund(data)

    def _open(self, body: bytes) -> dict[str, Any]:
        try:
            outer, data = envelope.read(self._party, body)
        except envelope.EnvelopeRefused as error:
            raise CentreNo("0401", error.reason) from error
        if not _is_fresh(str(outer.get("timestamp"))):
            raise CentreNo("0402", "时间戳无效")
        if data.get("orgCodg", self._org_code) != self._org_code:
            raise CentreNo("0403", "机构无权限")
        return data

    def _seal(self, code: str, words: str, data: Message) -> HTTPResponse:
        party = self._party
        if self._faults.take(ANSWER_FORGED) is not None:
            public, private = gmssl_pyx.sm2_key_generate()
            party = envelope.Party(party.app_id, party.secret, private, public, party.other_public_key, party.signer)
        outer = {"code": int(code) if code == "0" else code, "message": words, "success": code == "0"}
        now = kernel_clock.machine_now().astimezone(kernel_clock.SHANGHAI)
        body = envelope.seal(party, data, timestamp=f"{now:%Y%m%d%H%M%S}", outer=outer)
        return HTTPResponse(json.dumps(body, ensure_ascii=False), content_type="application/json;charset=utf-8")


def _is_fresh(timestamp: str) -> bool:
    try:
        at = datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=kernel_clock.SHANGHAI)
    except ValueError:
        return False
    return abs(kernel_clock.machine_now() - at) <= WINDOW


class CentreControl(Control):
    """Does what the person and the insurance do, and shows the centre's books."""

    def __init__(self, orders: Orders, pages: CredentialPages, **common: Any) -> None:
        super().__init__(notifier=None, **common)
        self._orders = orders
        self._pages = pages

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the control routes into the application."""
        super().mount(app)
        self.add(app, "GET", "/bills", self.list_bills)
        self.add(app, "POST", "/payments", self.pay)
        self.add(app, "POST", "/consents", self.consent)

    async def list_bills(self, _request: Request) -> HTTPResponse:
        """Show the bills, without whose they are."""
        return reply({"bills": self._orders.show()})

    async def pay(self, request: Request) -> HTTPResponse:
        """Let a bill be paid, or not: `pay_ord_id`, `act`."""
        body = read_object(request.body)
        self._orders.act(text(body, "pay_ord_id"), text(body, "act"))
        return await self.list_bills(request)

    async def consent(self, request: Request) -> HTTPResponse:
        """Let somebody consent: `user_name`, `user_card_no`; gives the code that their phone would bring."""
        body = read_object(request.body)
        return reply({"code": self._pages.give(text(body, "user_name"), text(body, "user_card_no"))})


def make(settings: EmulatorSettings) -> Emulator:
    """Open everything and give what is served.

    Raises:
        SettingsError: the account cannot be read.
    """
    try:
        account = json.loads((settings.folder / ACCOUNT).read_text(encoding="utf-8"))
        party = envelope.Party(
            app_id=str(account["app_id"]),
            secret=str(account["secret"]),
            private_key=envelope.read_private_key(account["private_key"]),
            public_key=envelope.read_public_key(account["public_key"]),
            other_public_key=envelope.read_public_key(account["hospital_public_key"]),
        )
        org_code = str(account["org_code"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{ACCOUNT} cannot be read: {type(error).__name__}") from error
    store = Store(settings.folder / "insurance.sqlite3", schema=SCHEMA + CONSENTS)
    clock = EmulatorClock(store)
    switches = Faults(store, own=OWN_FAULTS)
    orders = Orders(store, clock)
    centre = Centre(orders, switches, party=party, org_code=org_code)
    pages = CredentialPages(store, clock, orders, switches, secret=party.secret)
    control = CentreControl(orders, pages, token=settings.token, clock=clock, faults=switches)

    def mount(app: Sanic[Any, Any]) -> None:
        centre.mount(app)
        pages.mount(app)
        control.mount(app)

    async def start() -> None:
        """Nothing but routes."""

    async def stop() -> None:
        store.close()

    return Emulator(mount=mount, render_error=lambda _request, _error: None, start=start, stop=stop)


def main() -> int:
    """Serve until SIGTERM."""
    try:
        return run(NAME, PREFIX, make)
    except SettingsError as error:
        print(f"{NAME}: {error}", file=sys.stderr)  # noqa: T201  it tells a person why it does not start
        return 2


if __name__ == "__main__":
    sys.exit(main())
