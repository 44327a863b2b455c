"""Every screen as a household finds it in the midst of its life, in every look; `./hospital screens` keeps pictures.

HOSPITAL_TOUR_LOOKS and HOSPITAL_TOUR_SCREENS name fewer of them, HOSPITAL_TOUR_TO the folder for the pictures,
HOSPITAL_TOUR_LONG the looks whose pictures are up to two phones high; HOSPITAL_TOUR_WHOLE makes
each picture as long as its screen.
"""

import os
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, expect

from kernel import clock
from tests.factories.household import HOTLINE, MORNING, Household
from tests.factories.patient_pages import App, Look, open_app
from tests.factories.screens import SCREENS, TOUR_LOOKS, Screen, faults_of
from tests.platform import Hospital

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(2_400)]

# The phone's clock is the hospital's, whose time runs ahead of this machine's.
RIGHT_CLOCK = """
const lead = %f * 1000;
const Machine = Date;
window.Date = class extends Machine {
  constructor(...given) { super(...(given.length ? given : [Machine.now() + lead])); }
  static now() { return Machine.now() + lead; }
};
"""


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform on the morning of a clinic day, whatever hour it really is."""
    with Hospital.up(environment={"HOTLINE": HOTLINE}, at=MORNING) as hospital:
        yield hospital


@pytest.fixture
async def household(own_hospital: Hospital, browser: Browser) -> AsyncIterator[Household]:
    assert browser.is_connected()
    household = Household.of(own_hospital)
    await household.live()
    yield household
    await household.close()


def named(variable: str, known: Collection[str]) -> list[str]:
    """Names that a variable lists, or all there are."""
    wanted = os.environ.get(variable, "").split()
    assert set(wanted) <= set(known), f"{variable} names {set(wanted) - set(known)}"
    return [name for name in known if name in wanted or not wanted]


async def test_every_screen_stands_in_every_look_in_the_midst_of_life(browser: Browser, household: Household) -> None:
    names = named("HOSPITAL_TOUR_SCREENS", [screen.name for screen in SCREENS])
    screens = [screen for screen in SCREENS if screen.name in names]
    faults: list[str] = []
    for look in named("HOSPITAL_TOUR_LOOKS", TOUR_LOOKS):
        await household.renew()
        for is_signed_in in (True, False):
            seen = [screen for screen in screens if screen.is_signed_in == is_signed_in]
            faults += await walk(browser, household, TOUR_LOOKS[look], seen, is_signed_in=is_signed_in)
    assert faults == []


async def walk(
    browser: Browser, household: Household, look: Look, screens: Collection[Screen], *, is_signed_in: bool
) -> list[str]:
    """Go through screens on one phone; gives what is wrong with them."""
    faults: list[str] = []
    held = (
        household.patient.app(browser, look) if is_signed_in else open_app(browser, household.hospital.base_url, look)
    )
    async with held as app:
        await app.page.context.add_init_script(RIGHT_CLOCK % (household.hospital.now() - clock.now()).total_seconds())
        await app.open()
        await app.settled("home")
        for screen in screens:
            # As one goes from screen to screen: opened anew each, so many in a minute would be turned away.
            try:
                await app.remember(screen.remembers(household.ids))
                await app.open(screen.page, **screen.values(household.ids))
                await app.settled(screen.testid)
                if screen.waits_for:
                    await app.part(screen.waits_for).first.wait_for()
                await screen.prepare(app)
                await expect(app.page.locator("uni-toast:visible")).to_have_count(0)
            except (AssertionError, Error) as error:
                faults.append(f"{screen.name}, {look.name}: {error}")
            faults += await faults_of(app, screen)
            if to := os.environ.get("HOSPITAL_TOUR_TO"):
                await keep(app, Path(to) / f"{screen.name}-{look.name}.png")
    return faults


async def keep(app: App, path: Path) -> None:
    """Keep a picture of what is seen first, or of more as a longer phone would show it: its foot is at the end."""
    look = app.look
    height = max(look.height, await app.page.evaluate("document.documentElement.scrollHeight"))
    if not os.environ.get("HOSPITAL_TOUR_WHOLE"):
        is_long = look.name in os.environ.get("HOSPITAL_TOUR_LONG", "").split()
        height = min(height, look.height * (2 if is_long else 1))
    await app.page.set_viewport_size({"width": look.width, "height": height})
    await app.page.screenshot(path=path, animations="disabled")
    await app.page.set_viewport_size({"width": look.width, "height": look.height})
