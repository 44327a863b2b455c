"""Answers that are no answer: only a refusal in the HIS's own words is one, everything else is not known."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from integration.his.adapters import rest_billing
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import HisReceipt, Money
from integration.his.errors import HisDisagrees, HisUnavailable
from integration.his.port import Rejected

PROBLEM = "application/problem+json"
JSON = "application/json"
RECEIPT: dict[str, Any] = {
    "receipt_no": "R00000001", "kind": "deposit", "source": "platform", "number": "D00001", "reverses": None,
    "reverses_number": None, "mr": "MR00000001", "appointment_id": None, "admission_no": "Z00000001",
    "channel": "wechatpay", "transaction_no": "T1", "cash_fen": 100, "insurance_fen": 0, "total_fen": 100,
    "business_day": "2026-11-25", "made_at": "2026-11-25T01:00:00+00:00", "lines": [], "surplus_fen": 0,
}  # fmt: skip


class CannedHis:
    """A server that answers every request with the same bytes, or never to the end."""

    def __init__(self) -> None:
        self.answer = b""
        self.drips = False
        self.asked = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def say(self, status: int, content_type: str, body: bytes, *, length: int | None = None) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nConnection: close\r\n"
        head += f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
        self.answer = head.encode() + body

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            await reader.readexactly(length)
            self.asked += 1
            for byte in self.answer if self.drips else b"":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
            if not self.drips:
                writer.write(self.answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@pytest.fixture
async def canned() -> AsyncIterator[tuple[CannedHis, RestHisBilling]]:
    his = CannedHis()
    port = await his.start()
    billing = RestHisBilling(base_url=f"http://127.0.0.1:{port}", token="t", seconds_max=1.0)
    yield his, billing
    await billing.close()
    await his.stop()


async def deposit(billing: RestHisBilling) -> HisReceipt | Rejected:
    return await billing.post_deposit(
        deposit_no="D00001", admission_no="Z00000001", money=Money(100, "wechatpay", "T1")
    )


def problem(code: str) -> bytes:
    return orjson.dumps({"type": "about:blank", "code": code, "detail": "x" * 2_000})


async def test_a_receipt_is_read(canned: tuple[CannedHis, RestHisBilling]) -> None:
    his, billing = canned
    his.say(201, JSON, orjson.dumps(RECEIPT))

    done = await deposit(billing)

    assert isinstance(done, HisReceipt)
    assert (done.receipt_no, done.number, done.cash_fen) == ("R00000001", "D00001", 100)


async def test_a_refusal_in_the_hiss_own_words_is_one(canned: tuple[CannedHis, RestHisBilling]) -> None:
    his, billing = canned
    his.say(409, PROBLEM, problem("admission_not_open"))

    assert await deposit(billing) == Rejected(code="admission_not_open", text="x" * 500)


@pytest.mark.parametrize("code", ["number_reused", "invalid_request"])
async def test_a_fault_of_ours_is_for_a_person_and_no_ground_for_a_refund(
    canned: tuple[CannedHis, RestHisBilling], code: str
) -> None:
    his, billing = canned
    his.say(422 if code == "invalid_request" else 409, PROBLEM, problem(code))

    with pytest.raises(HisDisagrees):
        await deposit(billing)


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", b"<html>login</html>"),
        (200, JSON, b""),
        (200, JSON, b"[]"),
        (200, JSON, b"{}"),
        (200, JSON, b"\xff\xfe{"),
        (200, JSON, b'{"receipt_no": ' + b"[" * 50_000),
        (302, "text/html", b""),
        (401, PROBLEM, problem("not_authenticated")),
        (403, PROBLEM, problem("admission_not_open")),
        (404, PROBLEM, problem("not_found")),
        (409, JSON, problem("admission_not_open")),
        (409, "text/html", b"admission_not_open"),
        (409, PROBLEM, problem("something_new")),
        (409, PROBLEM, orjson.dumps({"code": ["admission_not_open"]})),
        (413, PROBLEM, problem("too_large")),
        (429, PROBLEM, problem("admission_not_open")),
        (500, PROBLEM, problem("admission_not_open")),
        (502, "text/html", b"bad gateway"),
        (503, PROBLEM, problem("database_unavailable")),
    ],
)
async def test_what_is_neither_receipt_nor_refusal_is_not_known(
    canned: tuple[CannedHis, RestHisBilling], status: int, content_type: str, body: bytes
) -> None:
    his, billing = canned
    his.say(status, content_type, body)

    with pytest.raises(HisUnavailable):
        await deposit(billing)
    assert his.asked == 1


@pytest.mark.parametrize(
    "change",
    [
        {"number": "D00002"}, {"number": None}, {"kind": "outpatient"}, {"kind": "gift"},
        {"cash_fen": 99, "total_fen": 99}, {"cash_fen": 100.0}, {"cash_fen": "100"}, {"cash_fen": True},
        {"total_fen": 101}, {"made_at": "2026-11-25T01:00:00"}, {"made_at": "soon"}, {"made_at": 5},
        {"business_day": "tomorrow"}, {"receipt_no": None}, {"mr": 7}, {"lines": [{}]}, {"lines": 3},
    ],
)  # fmt: skip
async def test_a_receipt_of_something_else_or_that_does_not_add_up_is_not_known(
    canned: tuple[CannedHis, RestHisBilling], change: dict[str, Any]
) -> None:
    his, billing = canned
    his.say(200, JSON, orjson.dumps(RECEIPT | change))

    with pytest.raises(HisUnavailable):
        await deposit(billing)


async def test_an_answer_without_end_is_not_read_to_its_end(canned: tuple[CannedHis, RestHisBilling]) -> None:
    his, billing = canned
    his.say(200, JSON, b"[" + b" " * (rest_billing.ANSWER_BYTES_MAX + 1) + b"]")

    with pytest.raises(HisUnavailable) as refused:
        await deposit(billing)
    assert refused.value.details == {"reason": "answer_too_large"}


async def test_half_an_answer_is_none(canned: tuple[CannedHis, RestHisBilling]) -> None:
    his, billing = canned
    text = orjson.dumps(RECEIPT)
    his.say(200, JSON, text, length=len(text) + 10)

    with pytest.raises(HisUnavailable):
        await deposit(billing)


async def test_an_answer_that_drips_ends_by_the_clock(canned: tuple[CannedHis, RestHisBilling]) -> None:
    his, billing = canned
    his.say(200, JSON, orjson.dumps(RECEIPT))
    his.drips = True

    with pytest.raises(HisUnavailable) as late:
        await deposit(billing)
    assert late.value.details == {"reason": "TimeoutError"}


async def test_pages_without_end_are_given_up(canned: tuple[CannedHis, RestHisBilling]) -> None:
    his, billing = canned
    his.say(200, JSON, orjson.dumps({"bills": [], "next_cursor": "7"}))

    with pytest.raises(HisUnavailable) as refused:
        await billing.list_unpaid_bills("MR00000001")
    assert (refused.value.details, his.asked) == ({"reason": "too_many_pages"}, rest_billing.PAGES_MAX)


async def test_a_bill_that_is_not_the_sum_of_its_items_is_not_shown(
    canned: tuple[CannedHis, RestHisBilling],
) -> None:
    his, billing = canned
    bill = {
        "bill_no": "B00000001", "mr": "MR00000001", "kind": "laboratory", "department_code": "0301",
        "ordered_by": "D0001", "ordered_at": "2026-11-25T01:00:00+00:00", "status": "unpaid", "version": 1,
        "hash": "0" * 64, "total_fen": 100, "insurance_fen": 0, "items": [],
    }  # fmt: skip
    his.say(200, JSON, orjson.dumps({"bills": [bill], "next_cursor": None}))

    with pytest.raises(HisUnavailable):
        await billing.list_unpaid_bills("MR00000001")


@pytest.mark.parametrize("number", ["", "../entries", "S1?x=1", "S 1", "Ｓ１"])
async def test_a_number_that_would_change_the_path_is_not_sent(
    canned: tuple[CannedHis, RestHisBilling], number: str
) -> None:
    his, billing = canned

    with pytest.raises(HisDisagrees):
        await billing.find_receipt(number)
    assert his.asked == 0
