"""The money side's REST routes for the platform: what is to be paid, what was, and taking it back."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from integration.micro_his.billing import cashier, inpatient, insurance, queries, refunds, requests
from integration.micro_his.billing.errors import AdmissionUnknown
from integration.micro_his.billing.faults import Faults
from integration.micro_his.billing.ledger import await_number, void_number
from integration.micro_his.requests import cursor_of, day_of, read_object, text_of, uuid_of
from kernel.db import Row, database

Handler = Callable[..., Coroutine[Any, Any, HTTPResponse]]

_MONEY: Final = frozenset({"cash_fen", "insurance_fen", "channel", "transaction_no"})
_SHARED: Final = _MONEY | {"insurance_no", "account_fen"}
"""Money of which the insurance's centre has decided a part."""


class BillingApi:
    """The routes below /api/billing."""

    def __init__(self, *, charset: str, faults: Faults) -> None:
        self._charset = charset
        self._faults = faults

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each; commands suffer the faults that are ordered."""
        reads: list[tuple[str, str, Handler]] = [
            ("GET", "/api/billing/bills", self.list_bills),
            ("GET", "/api/billing/entries/<number:str>", self.show_entry),
            ("GET", "/api/billing/refund-requests/<number:str>", self.show_refund_request),
            ("GET", "/api/billing/admissions", self.find_admission),
            ("GET", "/api/billing/admissions/<number:str>", self.show_admission),
            ("GET", "/api/billing/admissions/<number:str>/charges", self.list_charges),
            ("GET", "/api/billing/days/<day:str>", self.list_day),
            ("POST", "/api/billing/bills/revalidate", self.revalidate),
            ("POST", "/api/billing/insurance-claims", self.describe_claim),
        ]
        commands: list[tuple[str, str, Handler]] = [
            ("POST", "/api/billing/settlements", self.settle_bills),
            ("POST", "/api/billing/registration-settlements", self.settle_registration),
            ("POST", "/api/billing/voids", self.void),
            ("POST", "/api/billing/refund-requests", self.request_refund),
            ("POST", "/api/billing/reversals", self.reverse),
            ("POST", "/api/billing/deposits", self.take_deposit),
            ("POST", "/api/billing/deposit-returns", self.return_deposit),
            ("POST", "/api/billing/discharge-settlements", self.settle_discharge),
        ]
        return reads + [(method, path, self._faulty(handler)) for method, path, handler in commands]

    def _faulty(self, handler: Handler) -> Handler:
        async def faulty(request: Request, **arguments: str) -> HTTPResponse:
            return await self._faults.befall(request, await handler(request, **arguments))

        faulty.__name__ = handler.__name__
        return faulty

    # --- what is to be paid, and what was

    async def list_bills(self, request: Request) -> HTTPResponse:
        """A person's unpaid bills (`mr`, `cursor`)."""
        mr = text_of({"mr": request.args.get("mr")}, "mr")
        bills, cursor = await queries.list_bills(database(), mr, after=cursor_of(request.args.get("cursor")))
        return answer_json({"bills": bills, "next_cursor": str(cursor) if cursor else None})

    async def revalidate(self, request: Request) -> HTTPResponse:
        """Bills as they stand now, whatever became of them."""
        body = read_object(request.body, known=frozenset({"bill_nos"}))
        bill_nos = requests.his_numbers_of(body, "bill_nos", most=requests.BILLS_MAX)
        return answer_json({"bills": await queries.show_bills(database(), bill_nos)})

    async def describe_claim(self, request: Request) -> HTTPResponse:
        """What the insurance's centre wants to know of bills before it shares them."""
        body = read_object(request.body, known=frozenset({"mr", "bills"}))
        bills = requests.bills_shown_of(body.get("bills"))
        return answer_json(await insurance.describe_claim(database(), mr=text_of(body, "mr"), bills=bills))

    async def show_entry(self, _request: Request, number: str) -> HTTPResponse:
        """One entry by the platform's number of it."""
        known = requests.number_of({"number": number}, "number")
        await await_number(database(), known)
        return answer_json(await queries.show_entry(database(), number=known))

    async def show_refund_request(self, _request: Request, number: str) -> HTTPResponse:
        """How a request for a refund stands."""
        row, item_nos = await refunds.find_request(database(), requests.number_of({"number": number}, "number"))
        return answer_json(queries.show_request(row, item_nos))

    async def find_admission(self, request: Request) -> HTTPResponse:
        """A person's present or latest stay (`mr`)."""
        found = await queries.find_admission(database(), mr=text_of({"mr": request.args.get("mr")}, "mr"))
        if found is None:
            raise AdmissionUnknown
        return answer_json(found)

    async def show_admission(self, _request: Request, number: str) -> HTTPResponse:
        """A stay with its account: the bill at discharge, or how it stands so far."""
        return answer_json(await queries.require_admission(database(), _his_number(number)))

    async def list_charges(self, request: Request, number: str) -> HTTPResponse:
        """What a stay was charged for a day (`date`)."""
        day = day_of(request.args.get("date"))
        return answer_json(await queries.list_charges(database(), _his_number(number), day))

    async def list_day(self, request: Request, day: str) -> HTTPResponse:
        """A business day's entries (`cursor`), the window's too."""
        after = cursor_of(request.args.get("cursor"))
        entries, cursor = await queries.list_day(database(), day_of(day), after=after)
        return answer_json({"entries": entries, "next_cursor": str(cursor) if cursor else None})

    # --- commands

    async def settle_bills(self, request: Request) -> HTTPResponse:
        """Settle bills of one person with one payment."""
        body = read_object(request.body, known=_SHARED | {"settlement_no", "mr", "bills"})
        bills = requests.bills_shown_of(body.get("bills"))
        payment = requests.platform_payment_of(body, kind="outpatient", number_field="settlement_no")
        return await answer_entry(
            cashier.settle_bills(database(), payment, bills=bills, mr=text_of(body, "mr"), charset=self._charset)
        )

    async def settle_registration(self, request: Request) -> HTTPResponse:
        """Note that the fee of a number is paid."""
        body = read_object(request.body, known=_MONEY | {"settlement_no", "appointment_id"})
        payment = requests.platform_payment_of(body, kind="registration", number_field="settlement_no")
        return await answer_entry(
            cashier.settle_registration(database(), payment, appointment_id=uuid_of(body, "appointment_id"))
        )

    async def void(self, request: Request) -> HTTPResponse:
        """Do nothing under a number any more; where it was done, its receipt is shown."""
        body = read_object(request.body, known=frozenset({"number"}))
        number = requests.number_of(body, "number")
        if await void_number(database(), number):
            return answer_json({"number": number, "void": True, "entry": None})
        entry = await queries.show_entry(database(), number=number)
        return answer_json({"number": number, "void": False, "entry": entry})

    async def request_refund(self, request: Request) -> HTTPResponse:
        """Ask whether items of a settlement may be refunded."""
        body = read_object(request.body, known=frozenset({"refund_no", "settlement_no", "item_nos"}))
        item_nos = requests.his_numbers_of(body, "item_nos", most=requests.REFUND_ITEMS_MAX)
        row = await refunds.request_refund(
            database(),
            refund_no=requests.number_of(body, "refund_no"),
            settlement_no=requests.number_of(body, "settlement_no"),
            item_nos=item_nos,
        )
        return answer_json(queries.show_request(row, sorted(item_nos)))

    async def reverse(self, request: Request) -> HTTPResponse:
        """Take a settlement, or what was approved of it, back out of our books."""
        body = read_object(request.body, known=_SHARED | {"refund_no", "settlement_no"})
        payment = requests.platform_payment_of(body, kind="reversal", number_field="refund_no")
        settlement_no = requests.number_of(body, "settlement_no")
        return await answer_entry(refunds.reverse_settlement(database(), payment, settlement_no=settlement_no))

    async def take_deposit(self, request: Request) -> HTTPResponse:
        """Credit a stay with a deposit."""
        body = read_object(request.body, known=_MONEY - {"insurance_fen"} | {"deposit_no", "admission_no"})
        payment = requests.platform_payment_of(body, kind="deposit", number_field="deposit_no", cash_least=1)
        admission_no = requests.his_number_of(body, "admission_no")
        return await answer_entry(
            inpatient.take_deposit(database(), payment, admission_no=admission_no, charset=self._charset)
        )

    async def return_deposit(self, request: Request) -> HTTPResponse:
        """Give a deposit, or a part of it, back."""
        body = read_object(request.body, known=_MONEY - {"insurance_fen"} | {"refund_no", "deposit_no"})
        payment = requests.platform_payment_of(body, kind="deposit_return", number_field="refund_no", cash_least=1)
        deposit_no = requests.number_of(body, "deposit_no")
        return await answer_entry(inpatient.return_deposit(database(), payment, deposit_no=deposit_no))

    async def settle_discharge(self, request: Request) -> HTTPResponse:
        """Settle the bill of a stay that has ended."""
        body = read_object(request.body, known=_MONEY - {"insurance_fen"} | {"settlement_no", "admission_no"})
        payment = requests.platform_payment_of(body, kind="discharge", number_field="settlement_no")
        admission_no = requests.his_number_of(body, "admission_no")
        return await answer_entry(inpatient.settle_discharge(database(), payment, admission_no=admission_no))


def _his_number(text: str) -> str:
    return requests.his_number_of({"admission_no": text}, "admission_no")


async def answer_entry(work: Awaitable[tuple[Row, bool]]) -> HTTPResponse:
    """Show what was written down: 201 where it is new, 200 where it stood."""
    row, is_new = await work
    shown = await queries.show_entry(database(), receipt_no=row["receipt_no"])
    return answer_json(shown, status=201 if is_new else 200)


def answer_json(body: object, *, status: int = 200) -> HTTPResponse:
    """A JSON answer."""
    return HTTPResponse(orjson.dumps(body), status, content_type="application/json")
