"""The hospital's own programs (doctor's, pharmacy's, laboratory's, ward's and cashier's), and the faults on demand.

Over the same HTTP as everything else, so that a demonstration or a test plays a hospital day from outside.
"""

from typing import Any

from sanic import Request
from sanic.response import HTTPResponse

from integration.micro_his.billing import cashier, inpatient, insurance, orders, queries, refunds, requests
from integration.micro_his.billing.faults import COUNT_MAX, SECONDS_MAX, Faults
from integration.micro_his.billing.records import BillShown
from integration.micro_his.billing.web import Handler, answer_entry, answer_json
from integration.micro_his.errors import InvalidRequest
from integration.micro_his.requests import flag_of, his_id_of, optional_text, patient_of, read_object, text_of
from kernel.db import database


class StationsApi:
    """The routes below /api/station, the cashier's below /api/window, and /api/faults."""

    def __init__(self, *, charset: str, faults: Faults) -> None:
        self._charset = charset
        self._faults = faults

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        return [
            ("POST", "/api/station/orders", self.order),
            ("POST", "/api/station/orders/<number:str>/change", self.change_order),
            ("POST", "/api/station/orders/<number:str>/withdraw", self.withdraw_order),
            ("POST", "/api/station/items/<number:str>/done", self.carry_out),
            ("GET", "/api/station/refund-requests", self.list_refund_requests),
            ("POST", "/api/station/refund-requests/<number:str>/decide", self.decide_refund),
            ("POST", "/api/station/admissions", self.admit),
            ("POST", "/api/station/admissions/<number:str>/charges", self.charge_stay),
            ("POST", "/api/station/admissions/<number:str>/discharge", self.discharge),
            ("POST", "/api/station/daily-charges", self.run_daily_charges),
            ("POST", "/api/window/charges", self.charge_at_window),
            ("POST", "/api/window/registration-charges", self.charge_registration_at_window),
            ("POST", "/api/window/deposits", self.deposit_at_window),
            ("POST", "/api/window/insured-persons", self.note_insured),
            ("POST", "/api/faults", self.order_faults),
        ]

    # --- doctors and departments

    async def order(self, request: Request) -> HTTPResponse:
        """A doctor orders drugs, tests or treatment for somebody."""
        known = frozenset({"patient", "kind", "items", "department_code", "ordered_by", "request_id"})
        body = read_object(request.body, known=known)
        bill_no = await orders.order_items(
            database(),
            patient=patient_of(body.get("patient")),
            kind=requests.kind_of(body),
            items=requests.items_of(body.get("items")),
            department_code=text_of(body, "department_code"),
            ordered_by=text_of(body, "ordered_by"),
            request_id=optional_text(body, "request_id"),
            charset=self._charset,
        )
        return answer_json(await queries.show_bill(database(), bill_no), status=201)

    async def change_order(self, request: Request, number: str) -> HTTPResponse:
        """The doctor changes how much of an unpaid item is ordered."""
        body = read_object(request.body, known=frozenset({"item_no", "quantity"}))
        bill_no = _number(number)
        await orders.change_quantity(
            database(),
            bill_no=bill_no,
            item_no=requests.his_number_of(body, "item_no"),
            quantity=requests.whole_of(body, "quantity", least=1, most=requests.QUANTITY_MAX),
            charset=self._charset,
        )
        return answer_json(await queries.show_bill(database(), bill_no))

    async def withdraw_order(self, _request: Request, number: str) -> HTTPResponse:
        """The doctor withdraws an unpaid order."""
        bill_no = _number(number)
        await orders.withdraw_bill(database(), bill_no=bill_no, charset=self._charset)
        return answer_json(await queries.show_bill(database(), bill_no))

    async def carry_out(self, request: Request, number: str) -> HTTPResponse:
        """The pharmacy dispenses, or a department does the test or the treatment."""
        body = read_object(request.body, known=frozenset({"done_by"}))
        await orders.carry_out(database(), item_no=_number(number), done_by=text_of(body, "done_by"))
        return answer_json({"item_no": number, "status": "done"})

    async def list_refund_requests(self, _request: Request) -> HTTPResponse:
        """What the pharmacy has to decide on."""
        return answer_json({"refund_requests": await queries.list_pending_requests(database())})

    async def decide_refund(self, request: Request, number: str) -> HTTPResponse:
        """The pharmacy approves a refund, or refuses it with a reason."""
        body = read_object(request.body, known=frozenset({"approves", "reason", "decided_by"}))
        approves = flag_of(body, "approves")
        reason = optional_text(body, "reason") or ""
        if not approves and not reason:
            raise InvalidRequest(field="reason")
        row = await refunds.decide_refund(
            database(),
            approval_no=_number(number),
            approves=approves,
            reason=reason,
            decided_by=text_of(body, "decided_by"),
            charset=self._charset,
        )
        _, item_nos = await refunds.find_request(database(), row["refund_no"])
        return answer_json(queries.show_request(row, item_nos))

    # --- the ward

    async def admit(self, request: Request) -> HTTPResponse:
        """Somebody becomes an inpatient."""
        known = frozenset(
            {"patient", "department_code", "ward", "bed", "insurance_percent", "admitted_on", "request_id"}
        )
        body = read_object(request.body, known=known)
        has_day = body.get("admitted_on") is not None
        number = await inpatient.admit(
            database(),
            patient=patient_of(body.get("patient")),
            department_code=text_of(body, "department_code"),
            ward=text_of(body, "ward"),
            bed=text_of(body, "bed"),
            insurance_percent=requests.whole_of(body, "insurance_percent", least=0, most=100),
            admitted_on=requests.past_day_of(body, "admitted_on") if has_day else None,
            request_id=optional_text(body, "request_id"),
        )
        return answer_json(await queries.require_admission(database(), number), status=201)

    async def charge_stay(self, request: Request, number: str) -> HTTPResponse:
        """A stay is charged for what was done on a day."""
        body = read_object(request.body, known=frozenset({"date", "items", "request_id"}))
        admission_no = _number(number)
        day = requests.past_day_of(body, "date")
        await inpatient.charge_stay(
            database(),
            admission_no=admission_no,
            day=day,
            items=requests.items_of(body.get("items")),
            request_id=text_of(body, "request_id"),
        )
        return answer_json(await queries.list_charges(database(), admission_no, day))

    async def run_daily_charges(self, request: Request) -> HTTPResponse:
        """Every stay of a day is charged for bed, care and rounds."""
        body = read_object(request.body, known=frozenset({"date"}))
        return answer_json({"stays": await inpatient.run_daily_charges(database(), requests.past_day_of(body, "date"))})

    async def discharge(self, _request: Request, number: str) -> HTTPResponse:
        """A stay ends."""
        admission_no = _number(number)
        await inpatient.discharge(database(), admission_no=admission_no, charset=self._charset)
        return answer_json(await queries.require_admission(database(), admission_no))

    # --- the cashier's window

    async def charge_at_window(self, request: Request) -> HTTPResponse:
        """Bills of one person are paid in cash or by card, as they stand now."""
        known = frozenset({"bill_nos", "clerk", "channel", "cash_fen", "transaction_no", "request_id"})
        body = read_object(request.body, known=known)
        bill_nos = requests.his_numbers_of(body, "bill_nos", most=requests.BILLS_MAX)
        payment = requests.window_payment_of(body, kind="outpatient")
        bills = [BillShown(bill_no, None) for bill_no in bill_nos]
        return await answer_entry(
            cashier.settle_bills(database(), payment, bills=bills, mr=None, charset=self._charset)
        )

    async def charge_registration_at_window(self, request: Request) -> HTTPResponse:
        """The fee of a number is paid in cash or by card."""
        known = frozenset({"his_id", "clerk", "channel", "cash_fen", "transaction_no", "request_id"})
        body = read_object(request.body, known=known)
        payment = requests.window_payment_of(body, kind="registration")
        return await answer_entry(
            cashier.settle_registration(database(), payment, his_id=his_id_of(body.get("his_id")))
        )

    async def deposit_at_window(self, request: Request) -> HTTPResponse:
        """A deposit is paid in cash or by card."""
        known = frozenset({"admission_no", "clerk", "channel", "cash_fen", "transaction_no", "request_id"})
        body = read_object(request.body, known=known)
        payment = requests.window_payment_of(body, kind="deposit")
        admission_no = requests.his_number_of(body, "admission_no")
        return await answer_entry(
            inpatient.take_deposit(database(), payment, admission_no=admission_no, charset=self._charset)
        )

    async def note_insured(self, request: Request) -> HTTPResponse:
        """The clerk reads somebody's insurance card."""
        body = read_object(request.body, known=frozenset({"mr", "person_no", "kind", "place"}))
        await insurance.note_insured(
            database(),
            mr=text_of(body, "mr"),
            person_no=text_of(body, "person_no", most=40),
            kind=requests.insured_kind_of(body),
            place=requests.place_of(body, "place"),
        )
        return answer_json(body, status=201)

    # --- faults

    async def order_faults(self, request: Request) -> HTTPResponse:
        """What befalls the next answers to commands of the platform; a field that is left out is 0."""
        names = ("answers_lost", "answers_late", "late_seconds")
        body: dict[str, Any] = dict.fromkeys(names, 0) | read_object(request.body, known=frozenset(names))
        lost = requests.whole_of(body, "answers_lost", least=0, most=COUNT_MAX)
        late = requests.whole_of(body, "answers_late", least=0, most=COUNT_MAX)
        seconds = requests.whole_of(body, "late_seconds", least=0, most=SECONDS_MAX)
        self._faults.answers_lost, self._faults.answers_late, self._faults.late_seconds = lost, late, seconds
        return answer_json({"answers_lost": lost, "answers_late": late, "late_seconds": seconds})


def _number(text: str) -> str:
    return requests.his_number_of({"number": text}, "number")
