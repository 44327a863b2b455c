"""Every screen of the patients' front end, in the state in which a household finds it; and what each must fulfil.

`src/pages.json` names the screens; one without a line here fails tests/tidy/test_screens.py.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtime.cli.screens import Page
from tests.factories.patient_pages import DARK, ELDER, ENGLISH, SMALL, USUAL, App, Look

LARGE: Final = Look("large", letters_pixels=32)
"""Letters of 200 %."""
TOUR_LOOKS: Final = {look.name: look for look in (USUAL, SMALL, ELDER, DARK, ENGLISH, LARGE)}
"""The first and the third are committed (runtime/cli/screens.py)."""

Ids = Mapping[str, str]
Prepare = Callable[[App], Awaitable[None]]


def _nothing(_ids: Ids) -> dict[str, str]:
    return {}


async def _as_it_is(_app: App) -> None:
    """Most screens are filled by being opened."""


@dataclass(frozen=True)
class Screen:
    """One screen. page: as pages.json names it; testid: of its frame; values: what it is opened with.

    prepare: what the person has chosen or written; waits_for: a part that comes after the screen is ready; remembers:
    what the phone has kept from the screen before, by name.
    """

    page: str
    testid: str
    values: Callable[[Ids], dict[str, str]] = _nothing
    prepare: Prepare = _as_it_is
    waits_for: str = ""
    remembers: Callable[[Ids], dict[str, Any]] = _nothing
    is_signed_in: bool = True

    @property
    def name(self) -> str:
        """Its name in a picture's."""
        return Page(self.page).name


def of(**names: str) -> Callable[[Ids], dict[str, str]]:
    """Open a screen with ids of the household: value by name."""
    return lambda ids: {value: ids[name] for value, name in names.items()}


async def _write_phone(app: App) -> None:
    await app.write("phone", "13900020001")


async def _write_child(app: App) -> None:
    await app.tap("relationship-child")
    await app.write("name", "陈小宇")


async def _open_question(app: App) -> None:
    await app.tap("question-1")


async def _write_complaint(app: App) -> None:
    await app.tap("kind-suggestion")
    await app.tap("category-environment")
    await app.write("text", "候诊区的座椅不够，老人家站着等，希望能多摆几张。")


async def _rate(app: App) -> None:
    await app.tap("mark-overall-5")
    await app.tap("mark-waiting-3")
    await app.write("comment", "医生很耐心，就是等得久。")


async def _choose_time(app: App) -> None:
    times = app.page.locator('[data-testid^="time-"]:visible')
    await times.first.click()


async def _choose_item(app: App) -> None:
    await app.page.get_by_role("checkbox").first.click()


def _wanted(ids: Ids) -> dict[str, Any]:
    """What somebody wanted who comes back from the insurance's page."""
    bill = {"bill_no": ids["insured_bill"], "hash": ids["insured_hash"]}
    return {"insured-bills": {"patientId": ids["own"], "bills": [bill], "key": f"tour-{ids['insured_bill']}"}}


async def _see_departments(app: App) -> None:
    await app.part("department").first.wait_for()


SCREENS: Final = (
    Screen("pages/home/home", "home", waits_for="next-visit"),
    Screen("pages/visits/visits", "visits"),
    Screen("pages/messages/messages", "messages"),
    Screen("pages/mine/mine", "mine"),
    Screen("booking/find/find", "find", prepare=_see_departments),
    Screen("booking/department/department", "department", of(id="department", date="day")),
    Screen("booking/doctor/doctor", "doctor-page", of(id="doctor", date="day")),
    Screen("booking/seats/seats", "seats", of(session="session")),
    Screen("booking/confirm/confirm", "confirm", of(slot="slot")),
    Screen("booking/result/result", "result", of(appointment="ahead")),
    Screen("account/sign-in/sign-in", "sign-in", prepare=_write_phone, is_signed_in=False),
    Screen("account/settings/settings", "settings"),
    Screen("account/notifications/notifications", "notifications"),
    Screen("account/members/members", "members"),
    Screen("account/member/member", "member", of(id="grandmother")),
    Screen("account/add-member/add-member", "add-member-screen", prepare=_write_child),
    Screen("account/consents/consents", "consents"),
    Screen("account/accesses/accesses", "accesses"),
    Screen("account/devices/devices", "devices"),
    Screen("account/help/help", "help", prepare=_open_question),
    Screen("account/privacy/privacy", "privacy"),
    Screen("account/export/export", "export"),
    Screen("account/deletion/deletion", "deletion"),
    Screen("account/confirm/confirm", "confirm"),
    Screen("account/phone/phone", "phone-page", prepare=_write_phone),
    Screen("messages/message/message", "message", of(id="message")),
    Screen("feedback/list/list", "feedback-list"),
    Screen("feedback/new/new", "feedback-new", prepare=_write_complaint),
    Screen("feedback/one/one", "feedback-one", of(id="case")),
    Screen("feedback/rating/rating", "rating", of(appointment="past"), prepare=_rate),
    Screen("visits/appointment/appointment", "appointment", of(id="ahead")),
    Screen("visits/reschedule/reschedule", "reschedule", of(id="ahead"), prepare=_choose_time),
    Screen("visits/follow-up/follow-up", "follow-up", of(id="past"), prepare=_choose_time),
    Screen("visits/stop/stop", "stop", of(id="stopped")),
    Screen("visits/join/join", "join", of(schedule="full", member="child")),
    Screen("visits/waitlist/waitlist", "waitlist"),
    Screen("visits/offer/offer", "offer", of(id="offer")),
    Screen("visits/checkin/checkin", "checkin", of(id="checkin", member="grandmother")),
    Screen("visits/queue/queue", "queue", of(id="queue")),
    Screen("money/pay/pay", "pay", of(order="to_pay"), waits_for="pay-now"),
    Screen("money/bills/bills", "bills"),
    Screen("money/bill/bill", "bill", of(no="unpaid_bill")),
    # Who has agreed is led on to the parts.
    Screen("money/insured/insured", "pay", of(code="consent"), remembers=_wanted, waits_for="part-fund"),
    Screen("money/share/share", "share", of(order="to_pay")),
    Screen("money/relative/relative", "relative", of(code="pay_code"), waits_for="relative-pay", is_signed_in=False),
    Screen("money/orders/orders", "orders"),
    Screen("money/order/order", "order", of(id="paid")),
    Screen("money/refund/refund", "refund", of(order="paid"), prepare=_choose_item),
)


async def faults_of(app: App, screen: Screen) -> list[str]:
    """Name what a screen should not be: hard to read, out of reach, wider than the phone, or cut."""
    found = await app.barriers() + await app.small_targets() + await app.cut_words()
    found += await app.lonely_characters()
    width = await app.page.evaluate("document.documentElement.scrollWidth")
    if width > app.look.width:
        found.append(f"{width} px wide")
    return [f"{screen.name}, {app.look.name}: {one}" for one in found]
