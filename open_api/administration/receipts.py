"""Fiscal receipts that the fiscal platform has refused: the finance office mends the reason, and asks again."""

from typing import Any, Final

from kernel.db import DatabaseUnavailable, database
from kernel.ids import parse_id
from open_api.administration.entries import WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes
from payments.receipts import errors, queries, service

routes: Final = Routes("administration: receipts", staff_only=True, operation_class="sensitive")
_PATH: Final = "/administration/finance/receipts"
_LIST: Final = "finance.receipts"


@routes.get(
    _PATH,
    scope="finance.read",
    query="finance/page_query.json",
    response="finance/receipt_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_refused_receipts(call: PartnerCall) -> Reply:
    """List the receipts that the fiscal platform has refused, the oldest first, each with the platform's own word."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    last = after(_LIST, call.query)
    found = await queries.list_refused(database(), after=parse_id(last) if last else None, limit=limit + 1)
    return shown_page(_LIST, [_shown(one) for one in found], limit, "id")


@routes.post(
    f"{_PATH}/<receipt_id:uuid>/ask-again",
    scope="finance.write",
    response="finance/receipt.json",
    errors=[errors.ReceiptNotFound, errors.ReceiptNotRefused, *WRITE_ERRORS],
)
async def ask_for_receipt_again(call: PartnerCall) -> Reply:
    """Have a refused receipt asked for again, under its own number, once what it was refused for is mended."""
    receipt = await service.ask_anew(call.path["receipt_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(_shown(receipt))


def _shown(receipt: queries.RefusedReceipt) -> dict[str, Any]:
    return receipt._asdict() | {"id": str(receipt.id)}
