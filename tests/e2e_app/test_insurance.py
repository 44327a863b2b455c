"""Bills that the medical insurance shares, at the pages before the whole platform with HIS, centre and channels."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.factories.both_sides import HisWindow, People
from tests.factories.money_journeys import Doctors, Payer
from tests.factories.patient_pages import ELDER, SMALL, USUAL, App, Look, open_app
from tests.platform import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def centre(own_hospital: Hospital) -> Iterator[httpx.Client]:
    """The control surface of the emulated centre, without faults."""
    told = own_hospital.run["emulators"]["insurance"]
    headers = {"authorization": f"Bearer {told['token']}"}
    with httpx.Client(base_url=f"{told['base_url']}/sandbox", headers=headers, timeout=20, trust_env=False) as client:
        yield client
        assert client.delete("/faults").is_success


def fault(centre: httpx.Client, name: str, **parameters: Any) -> None:
    answer = centre.put(f"/faults/{name}", json={"times": 1, "parameters": parameters})
    assert answer.is_success, answer.text


def fail_latest(centre: httpx.Client) -> None:
    """Let the insurance fail the bill that was put to it last."""
    number = centre.get("/bills").json()["bills"][-1]["pay_ord_id"]
    answer = centre.post("/payments", json={"pay_ord_id": number, "act": "fail"})
    assert answer.is_success, answer.text


@dataclass
class Patient:
    """Somebody insured, with a bill of 53.33 yuan, before the list of what they owe."""

    app: App
    payer: Payer

    async def ask_the_insurance(self, *, name: str | None = None) -> None:
        """Choose the insurance, without which choice nothing is ordered, and agree on its page."""
        await self.app.tap("pay-bills")
        await expect(self.app.part("pay-bills")).to_have_text("请选怎么付")
        await expect(self.app.part("with-insurance")).to_be_in_viewport()
        await self.app.tap("with-insurance")
        await self.app.picture("insured-bills")
        await self.app.tap("pay-bills")
        await self.payer.consent(name=name)

    async def shared(self) -> str:
        """Wait for the parts; gives the order."""
        await self.payer.shows("pay-state", "choose")
        return self.app.page.url.partition("order=")[2].partition("&")[0]


@asynccontextmanager
async def owing(browser: Browser, hospital: Hospital, his: HisWindow, look: Look) -> AsyncIterator[Patient]:
    """Open the pages of somebody who is insured and owes a bill."""
    person, doctors = People().invent(), Doctors(his)
    doctors.insured_bill(person)
    pages = [hospital.run["emulators"][name]["base_url"] for name in ("wechatpay", "alipay", "insurance")]
    async with open_app(browser, hospital.base_url, look, cashiers=pages) as app:
        payer = await Payer.signed_in(app, hospital, person)
        await app.open("money/bills/bills")
        await app.settled("bills")
        yield Patient(app, payer)


async def accessible(app: App) -> None:
    assert await app.barriers() == []
    assert await app.small_targets() == []


@pytest.mark.parametrize("look", [USUAL, SMALL, ELDER], ids=lambda look: look.name)
async def test_a_bill_is_shared_agreed_to_and_paid_and_goes_back_whole(
    browser: Browser, own_hospital: Hospital, his: HisWindow, look: Look
) -> None:
    async with owing(browser, own_hospital, his, look) as patient:
        app, payer = patient.app, patient.payer
        await accessible(app)
        await patient.ask_the_insurance()
        order_id = await patient.shared()
        await expect(app.part("part-fund")).to_contain_text("¥31.99")
        await expect(app.part("part-account")).to_contain_text("¥10.66")
        await expect(app.part("part-own")).to_contain_text("¥10.68")
        await expect(app.part("pay-now")).to_have_count(0)
        await accessible(app)
        await app.picture("insured-parts")

        await app.tap("agree-now")
        await payer.pay_at_the_channel()
        await expect(app.part("part-paid")).to_be_visible(timeout=60_000)
        await payer.shows("pay-state", "choose")
        await expect(app.part("pay-amount")).to_have_text("¥10.68")
        await app.picture("insured-agreed")
        await app.tap("pay-now")
        await payer.pay_at_the_channel()
        await payer.shows("pay-state", "done")
        await app.picture("insured-done")
        held = await payer.order(order_id)
        assert (held["state"], held["amount_fen"], held["insurance"]["status"]) == ("done", 1_068, "paid")

        await app.tap("see-order")
        await app.settled("order")
        await expect(app.part("part-paid")).to_be_visible()
        await accessible(app)
        await app.picture("insured-order")
        await app.tap("ask-back")
        await app.settled("refund")
        await app.picture("insured-refund")
        await app.tap("ask-refund")
        await app.page.get_by_text("申请", exact=True).click()
        await expect(app.part("refund-step")).to_have_attribute("data-step", "arrived", timeout=90_000)
        await expect(app.part("part-back")).to_be_visible(timeout=30_000)
        await app.picture("insured-order-back")
        held = await payer.order(order_id)
        assert (held["state"], held["insurance"]["back_fen"]) == ("refunded", 4_265)
        await app.open("money/orders/orders")
        await app.settled("orders")
        await expect(app.part(f"order-{order_id}")).to_contain_text("¥53.33")
        await app.picture("insured-orders")


async def test_what_the_insurance_pays_whole_needs_a_yes_and_no_money(
    browser: Browser, own_hospital: Hospital, his: HisWindow, centre: httpx.Client
) -> None:
    async with owing(browser, own_hospital, his, SMALL) as patient:
        app, payer = patient.app, patient.payer
        fault(centre, "insurance_share", pooled=100, account=0)
        await patient.ask_the_insurance()
        order_id = await patient.shared()
        await expect(app.part("part-own")).to_contain_text("¥0.00")
        await expect(app.part("give-up")).to_be_visible()
        await app.picture("insured-whole")
        await app.tap("agree-now")
        await payer.pay_at_the_channel()
        await payer.shows("pay-state", "done")
        await app.picture("insured-whole-done")
        assert (await payer.order(order_id))["insurance"]["cash_fen"] == 0


@pytest.mark.parametrize(
    ("name", "parameters", "again"),
    [
        ("centre_refused", {"code": "9999"}, 0),
        ("centre_silent", {}, 1),
        ("insurance_share", {"pooled": 0, "account": 0}, 0),
    ],
)
async def test_what_is_not_shared_is_said_in_plain_words_and_paid_without(
    browser: Browser,
    own_hospital: Hospital,
    his: HisWindow,
    centre: httpx.Client,
    name: str,
    parameters: dict[str, Any],
    again: int,
) -> None:
    async with owing(browser, own_hospital, his, ELDER if again else SMALL) as patient:
        app, payer = patient.app, patient.payer
        fault(centre, name, **parameters)
        await patient.ask_the_insurance()
        await payer.shows("insured-state", "failed")
        await expect(app.part("consent-again")).to_have_count(again)
        await accessible(app)
        await app.picture(f"insured-no-{name}")
        await app.tap("pay-without")
        await payer.shows("pay-state", "choose")
        await expect(app.part("pay-amount")).to_have_text("¥53.33")
        await expect(app.part("insurance-parts")).to_have_count(0)


async def test_a_consent_that_is_refused_or_anothers_can_be_given_again(
    browser: Browser, own_hospital: Hospital, his: HisWindow
) -> None:
    async with owing(browser, own_hospital, his, USUAL) as patient:
        app, payer = patient.app, patient.payer
        await app.tap("with-insurance")
        await app.tap("pay-bills")
        await app.page.get_by_test_id("emulator-back").click()
        await payer.shows("insured-state", "refused")
        await app.picture("insured-refused")
        await app.tap("consent-again")
        await payer.consent(name="别人")
        await payer.shows("insured-state", "failed")
        await app.picture("insured-of-another")
        await app.tap("consent-again")
        await payer.consent()
        await payer.shows("pay-state", "choose")
        # What was shared is gone on with from the list, and not shared twice.
        await app.open("money/bills/bills")
        await app.settled("bills")
        await app.tap("go-on-paying")
        await payer.shows("pay-state", "choose")
        await expect(app.part("insurance-parts")).to_be_visible()


async def test_a_part_that_the_insurance_fails_is_said_and_the_bill_paid_without(
    browser: Browser, own_hospital: Hospital, his: HisWindow, centre: httpx.Client
) -> None:
    async with owing(browser, own_hospital, his, ELDER) as patient:
        app, payer = patient.app, patient.payer
        await patient.ask_the_insurance()
        await patient.shared()
        await app.tap("agree-now")
        fail_latest(centre)
        await app.page.get_by_test_id("emulator-back").click()
        await payer.shows("pay-state", "uninsured")
        await app.picture("insured-failed")
        await app.tap("pay-without")
        await app.settled("bills")
        await expect(app.part("pay-bills")).to_be_visible()


async def test_an_answer_that_comes_late_is_waited_for_and_found(
    browser: Browser, own_hospital: Hospital, his: HisWindow
) -> None:
    async with owing(browser, own_hospital, his, SMALL) as patient:
        app, payer = patient.app, patient.payer
        # The order comes to be, and its answer never arrives on the phone.
        dropped: list[str] = []

        async def lose(route: Any) -> None:
            await route.fetch()
            dropped.append(route.request.url)
            await route.abort("timedout")

        await app.page.route("**/bills/insured-order", lose)
        await patient.ask_the_insurance()
        await payer.shows("pay-state", "choose")
        assert len(dropped) == 1
        await expect(app.part("insurance-parts")).to_be_visible()
