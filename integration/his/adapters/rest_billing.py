"""The money side of a HIS over its REST API (docs/his-integration.md, chapter on billing).

What is not known is told apart from what is refused: only a refusal in the HIS's own words, as problem details with a
code of the list below, is a `Rejected`. Everything else that is not a whole, sensible answer (no connection, no time,
5xx, a proxy's page, another number's receipt) is `HisUnavailable`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
import orjson

from integration.his.adapters.rest_billing_answers import (
    read_approval,
    read_bill,
    read_claim,
    read_daily_charges,
    read_receipt,
    read_stay,
)
from integration.his.billing import (
    Bill,
    DailyCharges,
    HisReceipt,
    InsuranceClaim,
    Money,
    ReceiptKind,
    ReceiptPage,
    RefundApproval,
    Stay,
)
from integration.his.errors import HisDisagrees, HisUnavailable
from integration.his.port import Rejected
from kernel.log import get_logger

CONNECT_SECONDS_MAX: Final = 3.0
REQUEST_SECONDS_MAX: Final = 10.0
CONNECTIONS_MAX: Final = 16
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
PAGES_MAX: Final = 20
TEXT_CHARACTERS_MAX: Final = 500

REFUSALS: Final = frozenset(
    {
        "patient_unknown", "appointment_unknown", "appointment_not_active", "bill_unknown", "bill_not_unpaid",
        "bill_changed", "amount_differs", "entry_unknown", "already_charged", "service_done", "item_not_refundable",
        "not_approved", "admission_unknown", "admission_not_open", "nothing_to_return", "number_void",
        "insurance_unknown",
    }
)  # fmt: skip
DISAGREEMENTS: Final = frozenset({"number_reused", "invalid_request"})
ABSENT: Final = frozenset({"entry_unknown", "refund_request_unknown", "admission_unknown"})

log = get_logger("integration.his")

Record = TypeVar("Record")


class RestHisBilling:
    """A HIS whose money side can be asked and told over REST with a bearer token."""

    def __init__(self, *, base_url: str, token: str, seconds_max: float = REQUEST_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(seconds_max, connect=CONNECT_SECONDS_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    # --- outpatient bills and registration fees

    async def list_unpaid_bills(self, his_number: str) -> list[Bill]:
        """Give a person's unpaid bills. Raises: HisUnavailable, HisDisagrees."""
        bills: list[Bill] = []
        query: dict[str, str] = {"mr": his_number}
        for _ in range(PAGES_MAX):
            page = await self._read("/api/billing/bills", query)
            bills += _understand(page, lambda found: [read_bill(one) for one in found["bills"]])
            if not page.get("next_cursor"):
                return bills
            query["cursor"] = str(page["next_cursor"])
        log.error("his_unpaid_bills_too_many", pages=PAGES_MAX)
        raise HisUnavailable(reason="too_many_pages")

    async def fetch_bills(self, bill_nos: Sequence[str]) -> list[Bill]:
        """Give bills as they stand now. Raises: HisUnavailable, HisDisagrees."""
        answer = await self._ask("POST", "/api/billing/bills/revalidate", body={"bill_nos": list(bill_nos)})
        return _understand(_require(answer), lambda found: [read_bill(one) for one in found["bills"]])

    async def settle_bills(
        self, *, settlement_no: str, his_number: str, bills: Sequence[tuple[str, str]], money: Money
    ) -> HisReceipt | Rejected:
        """Settle bills of one person with one payment. Raises: HisUnavailable, HisDisagrees."""
        body = {
            "settlement_no": settlement_no,
            "mr": his_number,
            "bills": [{"bill_no": bill_no, "hash": seen} for bill_no, seen in bills],
        }
        return await self._command("settlements", body, ReceiptKind.OUTPATIENT, settlement_no, money)

    async def describe_claim(self, *, his_number: str, bills: Sequence[tuple[str, str]]) -> InsuranceClaim | Rejected:
        """Ask what the insurance's centre wants to know of bills. Raises: HisUnavailable, HisDisagrees."""
        body = {"mr": his_number, "bills": [{"bill_no": bill_no, "hash": seen} for bill_no, seen in bills]}
        answer = await self._ask("POST", "/api/billing/insurance-claims", body=body)
        if isinstance(answer, Rejected):
            return answer
        if answer.get("mr") != his_number:
            raise HisUnavailable(reason="answer_out_of_step")
        return _understand(answer, read_claim)

    async def settle_registration(
        self, *, settlement_no: str, appointment_id: UUID, money: Money
    ) -> HisReceipt | Rejected:
        """Note that the fee of an appointment is paid. Raises: HisUnavailable, HisDisagrees."""
        body = {"settlement_no": settlement_no, "appointment_id": str(appointment_id)}
        return await self._command("registration-settlements", body, ReceiptKind.REGISTRATION, settlement_no, money)

    async def find_receipt(self, number: str) -> HisReceipt | None:
        """Ask what became of a number. Raises: HisUnavailable, HisDisagrees."""
        found = await self._find(f"/api/billing/entries/{_in_path(number)}")
        if found is None:
            return None
        receipt = _understand(found, read_receipt)
        if receipt.number != number:
            raise HisUnavailable(reason="answer_out_of_step")
        return receipt

    async def void_number(self, number: str) -> HisReceipt | None:
        """Give a number up, or learn that it was done. Raises: HisUnavailable, HisDisagrees."""
        answer = _require(await self._ask("POST", "/api/billing/voids", body={"number": number}))
        if (answer.get("number"), answer.get("void"), answer.get("entry")) == (number, True, None):
            return None
        receipt = _understand(answer, lambda found: read_receipt(found["entry"]))
        if answer.get("void") is not False or receipt.number != number:
            raise HisUnavailable(reason="answer_out_of_step")
        return receipt

    # --- refunds

    async def request_refund(
        self, *, refund_no: str, settlement_no: str, item_nos: Sequence[str]
    ) -> RefundApproval | Rejected:
        """Ask whether items may be refunded. Raises: HisUnavailable, HisDisagrees."""
        body = {"refund_no": refund_no, "settlement_no": settlement_no, "item_nos": list(item_nos)}
        answer = await self._ask("POST", "/api/billing/refund-requests", body=body)
        if isinstance(answer, Rejected):
            return answer
        return _approval_of(answer, refund_no)

    async def find_refund_approval(self, refund_no: str) -> RefundApproval | None:
        """Give how a request stands. Raises: HisUnavailable, HisDisagrees."""
        found = await self._find(f"/api/billing/refund-requests/{_in_path(refund_no)}")
        return None if found is None else _approval_of(found, refund_no)

    async def reverse_settlement(self, *, refund_no: str, settlement_no: str, money: Money) -> HisReceipt | Rejected:
        """Take a settlement, or what was approved of it, out of the books. Raises: HisUnavailable, HisDisagrees."""
        body = {"refund_no": refund_no, "settlement_no": settlement_no}
        return await self._command("reversals", body, ReceiptKind.REVERSAL, refund_no, money)

    # --- the inpatient account

    async def find_stay(self, his_number: str) -> Stay | None:
        """Give a person's present or latest stay. Raises: HisUnavailable, HisDisagrees."""
        found = await self._find("/api/billing/admissions", {"mr": his_number})
        return None if found is None else _understand(found, read_stay)

    async def fetch_stay(self, admission_no: str) -> Stay | None:
        """Give a stay with its account. Raises: HisUnavailable, HisDisagrees."""
        found = await self._find(f"/api/billing/admissions/{_in_path(admission_no)}")
        return None if found is None else _understand(found, read_stay)

    async def list_charges(self, admission_no: str, day: date) -> DailyCharges | None:
        """Give what a stay was charged for a day. Raises: HisUnavailable, HisDisagrees."""
        path = f"/api/billing/admissions/{_in_path(admission_no)}/charges"
        found = await self._find(path, {"date": day.isoformat()})
        return None if found is None else _understand(found, read_daily_charges)

    async def post_deposit(self, *, deposit_no: str, admission_no: str, money: Money) -> HisReceipt | Rejected:
        """Credit a stay with a deposit. Raises: HisUnavailable, HisDisagrees."""
        body = {"deposit_no": deposit_no, "admission_no": admission_no}
        return await self._command("deposits", body, ReceiptKind.DEPOSIT, deposit_no, money)

    async def return_deposit(self, *, refund_no: str, deposit_no: str, money: Money) -> HisReceipt | Rejected:
        """Give a deposit or a part of it back. Raises: HisUnavailable, HisDisagrees."""
        body = {"refund_no": refund_no, "deposit_no": deposit_no}
        return await self._command("deposit-returns", body, ReceiptKind.DEPOSIT_RETURN, refund_no, money)

    async def settle_discharge(self, *, settlement_no: str, admission_no: str, money: Money) -> HisReceipt | Rejected:
        """Settle the bill of a stay. Raises: HisUnavailable, HisDisagrees."""
        body = {"settlement_no": settlement_no, "admission_no": admission_no}
        return await self._command("discharge-settlements", body, ReceiptKind.DISCHARGE, settlement_no, money)

    # --- the books

    async def receipts_of_day(self, day: date, cursor: str | None = None) -> ReceiptPage:
        """Give a page of a business day's receipts. Raises: HisUnavailable, HisDisagrees."""
        page = await self._read(f"/api/billing/days/{day.isoformat()}", {"cursor": cursor} if cursor else {})
        receipts = _understand(page, lambda found: tuple(read_receipt(one) for one in found["entries"]))
        next_cursor = page.get("next_cursor")
        return ReceiptPage(receipts, str(next_cursor) if next_cursor else None)

    # --- the wire

    async def _command(
        self, path: str, body: dict[str, Any], kind: ReceiptKind, number: str, money: Money
    ) -> HisReceipt | Rejected:
        """Have something done once, and see that the receipt is of what was asked."""
        body = body | {"cash_fen": money.cash_fen, "channel": money.channel, "transaction_no": money.transaction_no}
        if money.insurance_fen:
            body["insurance_fen"] = money.insurance_fen
        if money.insurance_no is not None:
            body |= {"insurance_no": money.insurance_no, "account_fen": money.account_fen}
        answer = await self._ask("POST", f"/api/billing/{path}", body=_without_empty(body))
        if isinstance(answer, Rejected):
            return answer
        receipt = _understand(answer, read_receipt)
        parts = (abs(receipt.insurance_fen), abs(receipt.account_fen))
        if (receipt.number, receipt.kind, abs(receipt.cash_fen)) != (number, kind, money.cash_fen) or (
            money.insurance_no is not None and parts != (money.insurance_fen, money.account_fen)
        ):
            log.error("his_receipt_is_another", number=number)
            raise HisUnavailable(reason="answer_out_of_step")
        return receipt

    async def _read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        return _require(await self._ask("GET", path, query=query))

    async def _find(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        answer = await self._ask("GET", path, query=query or {}, absent=True)
        if isinstance(answer, Rejected):
            return None
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        absent: bool = False,
    ) -> dict[str, Any] | Rejected:
        """Give the HIS's answer, or its refusal; `absent`: only that there is no such thing counts as one.

        Raises:
            HisUnavailable: no whole answer that can be read.
            HisDisagrees: it takes the request for a fault.
        """
        content = orjson.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            # httpx limits each read; an answer that drips has no end but this.
            async with (
                asyncio.timeout(self._seconds_max),
                self._client.stream(method, path, params=query, content=content, headers=headers) as answer,
            ):
                text = await _read_bounded(answer)
        except (httpx.HTTPError, TimeoutError) as error:
            raise HisUnavailable(reason=type(error).__name__) from error
        try:
            read = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise HisUnavailable(reason="unreadable_answer") from error
        if not isinstance(read, dict):
            raise HisUnavailable(reason="unreadable_answer")
        if answer.status_code in (200, 201):
            return read
        return _read_refusal(answer, read, ABSENT if absent else REFUSALS)


async def _read_bounded(answer: httpx.Response) -> bytes:
    """Read an answer up to a limit; a larger one is not read to its end.

    Raises:
        HisUnavailable.
    """
    text = bytearray()
    async for part in answer.aiter_bytes():
        text += part
        if len(text) > ANSWER_BYTES_MAX:
            raise HisUnavailable(reason="answer_too_large")
    return bytes(text)


def _read_refusal(answer: httpx.Response, problem: dict[str, Any], refusals: frozenset[str]) -> Rejected:
    """Believe a refusal only in the HIS's own words.

    Raises:
        HisUnavailable, HisDisagrees.
    """
    code = problem.get("code")
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    if is_problem and answer.status_code in (404, 409, 422) and isinstance(code, str):
        if code in refusals:
            return Rejected(code=code, text=str(problem.get("detail") or "")[:TEXT_CHARACTERS_MAX])
        if code in DISAGREEMENTS or code in REFUSALS:
            log.error("his_takes_request_for_a_fault", code=code, field=str(problem.get("field") or "")[:64])
            raise HisDisagrees(reason=code)
    raise HisUnavailable(reason=f"status_{answer.status_code}")


def _require(answer: dict[str, Any] | Rejected) -> dict[str, Any]:
    """Take an answer that has no refusal.

    Raises:
        HisDisagrees.
    """
    if isinstance(answer, Rejected):
        raise HisDisagrees(reason=answer.code)
    return answer


def _understand(answer: dict[str, Any], read: Callable[[dict[str, Any]], Record]) -> Record:
    """Read an answer into the port's words.

    Raises:
        HisUnavailable: a field is missing or of another kind.
    """
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HisUnavailable(reason="unreadable_answer") from error


def _in_path(number: str) -> str:
    """Give a number that may stand in a path.

    Raises:
        HisDisagrees: no number of ours or the HIS's looks so.
    """
    if not (number.isascii() and number.replace("-", "").replace("_", "").isalnum()):
        raise HisDisagrees(reason="invalid_number")
    return number


def _without_empty(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value != ""}


def _approval_of(found: dict[str, Any], refund_no: str) -> RefundApproval:
    approval = _understand(found, read_approval)
    if approval.refund_no != refund_no:
        raise HisUnavailable(reason="answer_out_of_step")
    return approval
