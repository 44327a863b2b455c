"""What the demonstration families owe: told to the embedded HIS as its own programs would, over its HTTP.

Every request carries an id of its own that stays the same, so telling it all again changes nothing.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import httpx

from runtime.demo_hospital.access import invent_families
from runtime.demo_hospital.people import PatientSeed

REQUEST_SECONDS_MAX: Final = 10.0
DAYS_IN_HOSPITAL: Final = 3
DEPOSITS_FEN: Final = (300_000, 200_000)

_SEX: Final = {1: "M", 2: "F"}


@dataclass(frozen=True, slots=True)
class Article:
    """Something of the price list."""

    code: str
    name: str
    specification: str
    unit: str
    unit_price_fen: int
    insurance_percent: int
    department: str

    def ordered(self, quantity: int) -> dict[str, Any]:
        """So many of it, as the HIS wants to be told."""
        item = {
            "code": self.code, "name": self.name, "unit": self.unit, "quantity": quantity,
            "unit_price_fen": self.unit_price_fen, "insurance_percent": self.insurance_percent,
            "executing_department": self.department,
        }  # fmt: skip
        return item | ({"specification": self.specification} if self.specification else {})


AMLODIPINE: Final = Article("86901442", "苯磺酸氨氯地平片", "5mg*28片", "盒", 2_680, 80, "西药房")
METFORMIN: Final = Article("86900556", "盐酸二甲双胍缓释片", "0.5g*30片", "盒", 1_950, 80, "西药房")
IBUPROFEN: Final = Article("86902117", "布洛芬混悬液", "100ml:2g", "瓶", 2_150, 50, "西药房")
BLOOD_COUNT: Final = Article("250101015", "血细胞分析（五分类）", "", "次", 2_000, 70, "检验科")
GLUCOSE: Final = Article("250302001", "葡萄糖测定", "", "项", 600, 70, "检验科")
LIPIDS: Final = Article("250303002", "血脂四项", "", "套", 4_800, 50, "检验科")
CHEST_CT: Final = Article("210300001", "胸部CT平扫", "", "部位", 26_500, 50, "放射科")
ULTRASOUND: Final = Article("220301001", "腹部彩色多普勒超声", "", "次", 11_000, 50, "超声科")
INFUSION: Final = Article("120400006", "静脉输液", "", "组", 1_400, 70, "六病区")
CEFTRIAXONE: Final = Article("86903320", "注射用头孢曲松钠", "1.0g", "支", 1_860, 80, "西药房")


@dataclass(frozen=True, slots=True)
class Order:
    """What a doctor has ordered for somebody."""

    person: PatientSeed
    kind: str
    articles: tuple[tuple[Article, int], ...]


INSURED: Final = {"kind": "310", "place": "440100"}
"""As what everybody with bills is insured: employed, in Guangzhou."""


def plan_orders() -> tuple[Order, ...]:
    """Give the unpaid bills of both families."""
    (first, child), (second, spouse, _) = ([person for person, _ in family] for family in invent_families())
    return (
        Order(first, "prescription", ((AMLODIPINE, 2), (METFORMIN, 1))),
        Order(first, "laboratory", ((BLOOD_COUNT, 1), (GLUCOSE, 1), (LIPIDS, 1))),
        Order(first, "examination", ((CHEST_CT, 1),)),
        Order(child, "prescription", ((IBUPROFEN, 1),)),
        Order(child, "laboratory", ((BLOOD_COUNT, 1),)),
        Order(second, "examination", ((ULTRASOUND, 1),)),
        Order(spouse, "laboratory", ((LIPIDS, 1),)),
    )


def inpatient() -> PatientSeed:
    """Give the one who is in hospital: the old parent of the second family."""
    return invent_families()[1][2][0]


class StationsOfHis:
    """The embedded HIS's own programs: doctor's, ward's and cashier's."""

    def __init__(self, *, base_url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
        )

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def tell(self, *, today: date) -> int:
        """Tell all bills and the stay with its deposits and daily charges; gives the number of bills.

        Raises:
            httpx.HTTPError: the HIS does not answer, or refuses.
        """
        orders = plan_orders()
        for number, order in enumerate(orders, 1):
            body = {
                "patient": _told(order.person), "kind": order.kind, "department_code": "YX0301", "ordered_by": "D0001",
                "items": [article.ordered(quantity) for article, quantity in order.articles],
                "request_id": f"demo-order-{number}",
            }  # fmt: skip
            ordered = self._post("station/orders", body)
            card = {"mr": ordered["mr"], "person_no": f"4401{order.person.document_number[6:14]}01"} | INSURED
            self._post("window/insured-persons", card)
        self._tell_stay(inpatient(), today=today)
        return len(orders)

    def _tell_stay(self, person: PatientSeed, *, today: date) -> None:
        admitted_on = today - timedelta(days=DAYS_IN_HOSPITAL)
        stay = self._post(
            "station/admissions",
            {
                "patient": _told(person), "department_code": "0301", "ward": "六病区", "bed": "12",
                "insurance_percent": 70, "admitted_on": admitted_on.isoformat(), "request_id": "demo-admission-1",
            },
        )  # fmt: skip
        if stay["status"] != "admitted":
            # Somebody has played on with the demonstration, up to the discharge.
            return
        admission_no = stay["admission_no"]
        for number, amount_fen in enumerate(DEPOSITS_FEN, 1):
            body = {
                "admission_no": admission_no, "clerk": "S0001", "channel": "cash", "cash_fen": amount_fen,
                "request_id": f"demo-deposit-{number}",
            }  # fmt: skip
            self._post("window/deposits", body)
        given = [INFUSION.ordered(2), CEFTRIAXONE.ordered(2)]
        for day in (admitted_on + timedelta(days=n) for n in range(DAYS_IN_HOSPITAL)):
            self._post("station/daily-charges", {"date": day.isoformat()})
            body = {"date": day.isoformat(), "items": given, "request_id": f"demo-care-{day.isoformat()}"}
            self._post(f"station/admissions/{admission_no}/charges", body)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/api/{path}", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _told(person: PatientSeed) -> dict[str, str]:
    return {
        "name": person.name,
        "document_type": "CN-ID",
        "document_number": person.document_number,
        "phone": person.phone,
    }
