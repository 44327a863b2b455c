"""Medical insurance: who is insured, and what its centre wants to know of bills before it shares them.

The names are the insurance's own (docs/his-integration.md): the platform passes them on and reads nothing into them.
"""

from collections.abc import Sequence
from typing import Any, Final

from integration.micro_his.billing.cashier import lock_shown_bills
from integration.micro_his.billing.errors import NotInsured
from integration.micro_his.billing.orders import items_of
from integration.micro_his.billing.records import BillShown
from kernel import clock
from kernel.clock import SHANGHAI
from kernel.db import Database, Row
from kernel.money import to_yuan

OUTPATIENT_VISIT: Final = "11"
"""medType: an ordinary visit of an outpatient."""
BY_ITEM: Final = "01"
"""psnSetlway: charged by item. feeType has the same code: an outpatient's fees."""
REFORMED: Final = "1"
"""pubHospRfomFlag: of a public hospital whose prices are reformed, as Guangdong's are."""


async def note_insured(db: Database, *, mr: str, person_no: str, kind: str, place: str) -> None:
    """Keep what the window has read from somebody's card.

    Raises:
        DatabaseUnavailable.
    """
    await db.execute(
        "INSERT INTO insured_person AS known (mr, person_no, kind, place, updated_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (mr) DO UPDATE SET person_no = $2, kind = $3, place = $4, updated_at = $5"
        " WHERE (known.person_no, known.kind, known.place) <> ($2, $3, $4)",
        mr,
        person_no,
        kind,
        place,
        clock.now(),
    )


async def describe_claim(db: Database, *, mr: str, bills: Sequence[BillShown]) -> dict[str, Any]:
    """Say of unpaid bills what the insurance's centre wants to know: the visit, and each item.

    Raises:
        BillUnknown, BillNotUnpaid, BillChanged: as when they are settled.
        NotInsured: nobody has seen an insurance card of this person.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        found = await lock_shown_bills(tx, bills, mr=mr)
        insured = await tx.fetchrow("SELECT * FROM insured_person WHERE mr = $1", mr)
        if insured is None:
            raise NotInsured
        items = await items_of(tx, [bill["id"] for bill in found])
    first = found[0]
    return {
        "mr": mr,
        "batch_no": f"{first['bill_no']}V{sum(bill['version'] for bill in found)}",
        "visit": {
            "psnNo": insured["person_no"],
            "insutype": insured["kind"],
            "insuCode": insured["place"],
            "mdtrtId": f"{mr}-{first['bill_no']}",
            "begntime": f"{first['created_at'].astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
            "iptOtpNo": mr,
            "deptName": first["department_code"],
            "deptCode": first["department_code"],
            "caty": first["department_code"],
            "medType": OUTPATIENT_VISIT,
            "feeType": BY_ITEM,
            "psnSetlway": BY_ITEM,
            "pubHospRfomFlag": REFORMED,
        },
        "items": [_item(item) for item in items],
    }


def _item(item: Row) -> dict[str, Any]:
    return {
        "item_no": item["item_no"],
        "amount_fen": item["amount_fen"],
        "described": {
            "feedetlSn": item["item_no"],
            "medListCodg": item["code"],
            "medinsListCodg": item["code"],
            "medinsListName": item["name"],
            "cnt": str(item["quantity"]),
            "pric": to_yuan(item["unit_price_fen"]),
        },
    }
