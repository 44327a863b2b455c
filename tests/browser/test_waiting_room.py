"""The waiting-room screen in a real browser: what it shows, that it can be read, and that it mends itself.

HOSPITAL_SCREENSHOTS names a folder in which pictures of each state are kept, to be looked at.
"""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from booking.queue import service
from tests.factories.browser import Page, browser_page
from tests.factories.open_api import OpenApi
from tests.factories.queue import NURSE, ClinicDay, Door
from tests.server import WebServer

pytestmark = pytest.mark.browser
# The height of a figure on a television of 55 inches is 0.63 mm a pixel; legible at ten meters from about 25 mm on.
READABLE_PIXELS_MIN = 48
NOTHING_UNDER_THE_FOOTER = (
    "[...document.querySelectorAll('main p, main li')].every(e => e.getBoundingClientRect().bottom"
    " <= document.querySelector('footer').getBoundingClientRect().top)"
)
NAMES = ("张伟", "李秀英", "王芳", "欧阳娜娜", "刘洋", "陈静", "杨敏", "赵磊", "黄强", "Smith John")


async def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    folder = os.environ.get("HOSPITAL_SCREENSHOTS")
    if folder:
        await page.screenshot(Path(folder) / f"{name}.png")


@pytest.fixture
async def hall(open_api: OpenApi) -> tuple[ClinicDay, Door]:
    day = ClinicDay(open_api.hospital)
    door = await day.door(room="YX0301-01")
    await day.db.execute(
        "UPDATE clinic SET name_zh = '呼吸内科门诊', name_en = 'Respiratory Medicine' WHERE id = $1",
        day.hospital.clinic_id,
    )
    await day.db.execute("UPDATE practitioner SET name = '王建国', title = 'chief'")
    return day, door


async def come(day: ClinicDay, door: Door, count: int) -> list[Any]:
    people = await day.book(door, count, born=date(1990, 1, 1))
    for number, appointment in enumerate(people):
        await day.db.execute(
            "UPDATE patient SET name = $2 WHERE id = (SELECT patient_id FROM appointment WHERE id = $1)",
            appointment,
            NAMES[number % len(NAMES)],
        )
    return [await day.come(one) for one in people]


def text_of(identifier: str) -> str:
    return f"document.getElementById('{identifier}')?.textContent"


async def test_the_screen_shows_who_is_called_and_who_is_next(open_api: OpenApi, hall: tuple[ClinicDay, Door]) -> None:
    day, door = hall
    async with browser_page() as page:
        await page.open(f"{open_api.server.base_url}/queue/YX0301-01")
        await page.until(f"{text_of('room')} === '呼吸内科门诊 1 诊室'")
        assert await page.evaluate(text_of("doctor")) == "王建国"
        assert await page.evaluate("!document.getElementById('nobody').hidden")
        await picture(page, "empty")

        people = await come(day, door, 10)
        await page.until(f"{text_of('waiting')} === '10'")
        await picture(page, "waiting")
        await day.bring_to(people[0], "passed")
        await service.call_next(actor=NURSE, **door.key)
        await page.until(f"{text_of('label')} === 'A02' && {text_of('name')} === '李*'")
        assert await page.evaluate(text_of("state")) == "请就诊"
        assert await page.evaluate("[...document.querySelectorAll('#next li')].map(e => e.innerText.trim())") == [
            f"A{number:02d}\n{NAMES[number - 1][0]}*" for number in range(3, 8)
        ]
        assert await page.evaluate(text_of("passed")) == "A01"
        await require_readable(page)
        await picture(page, "called")

        await service.start_consultation(entry_id=people[1].id, actor=NURSE)
        await page.until(f"{text_of('state')} === '就诊中'")
        await picture(page, "seen")
        assert page.problems == []


async def require_readable(page: Page) -> None:
    """What patients look for is large enough, and nothing is cut off or covers something else."""
    sizes = await page.evaluate(
        "Object.fromEntries(['#label', '#name', '#next li', '#time', '#room', '#state', '#waiting'].map("
        "s => [s, parseFloat(getComputedStyle(document.querySelector(s)).fontSize)]))"
    )
    assert {name for name, size in sizes.items() if size < READABLE_PIXELS_MIN} == set()
    outside = await page.evaluate(
        "[...document.querySelectorAll('h1, h2, p, li')].filter(e => { const r = e.getBoundingClientRect();"
        " return r.width && (r.left < 0 || r.right > innerWidth || r.top < 0 || r.bottom > innerHeight); })"
        ".map(e => e.id || e.innerText)"
    )
    assert outside == []
    assert await page.evaluate(NOTHING_UNDER_THE_FOOTER)
    cut = await page.evaluate(
        "['#label', '#name', '#time', '#state', '#waiting', '#next'].filter(s => {"
        " const e = document.querySelector(s); return e.scrollWidth > e.clientWidth + 1; })"
    )
    assert cut == []


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (3840, 2160)])
async def test_the_screen_fits_other_televisions(
    open_api: OpenApi, hall: tuple[ClinicDay, Door], *, width: int, height: int
) -> None:
    day, door = hall
    await come(day, door, 8)
    await service.call_next(actor=NURSE, **door.key)
    async with browser_page() as page:
        await page.open(f"{open_api.server.base_url}/queue/YX0301-01", width=width, height=height)
        await page.until(f"{text_of('label')} === 'A01'")
        outside = await page.evaluate(
            "[...document.querySelectorAll('p, li')].filter(e => e.getBoundingClientRect().bottom > innerHeight).length"
        )
        assert outside == 0
        assert await page.evaluate(NOTHING_UNDER_THE_FOOTER)
        await picture(page, f"called-{width}")


async def test_the_screen_says_that_it_is_cut_off_and_recovers(
    open_api: OpenApi, hall: tuple[ClinicDay, Door], tmp_path: Path, database_url: str, redis_url: str
) -> None:
    day, door = hall
    await come(day, door, 3)
    with WebServer.up(tmp_path, database_url=database_url, redis_url=redis_url) as server:
        async with browser_page() as page:
            await page.open(f"{server.base_url}/queue/YX0301-01")
            await page.until(f"{text_of('waiting')} === '3'")
            server.terminate()
            server.wait_end()
            await page.until("document.body.dataset.connection === 'broken'")
            await page.until("getComputedStyle(document.getElementById('broken')).display === 'block'")
            await picture(page, "broken")
            await service.call_next(actor=NURSE, **door.key)
            server.start()
            await page.until(f"{text_of('label')} === 'A01'", seconds=40)
            await page.until("document.body.dataset.connection === 'open'")
            await page.until("getComputedStyle(document.getElementById('broken')).display === 'none'")


async def test_a_long_clinics_name_hides_neither_the_room_nor_the_clock(
    open_api: OpenApi, hall: tuple[ClinicDay, Door]
) -> None:
    day, _door = hall
    name = "生殖健康与不孕症门诊（天河院区）"
    await day.db.execute("UPDATE clinic SET name_zh = $2 WHERE id = $1", day.hospital.clinic_id, name)
    async with browser_page() as page:
        await page.open(f"{open_api.server.base_url}/queue/YX0301-01")
        await page.until(f"{text_of('room')} === '{name} 1 诊室'")
        assert await page.evaluate("document.getElementById('time').getBoundingClientRect().right < innerWidth")
        assert await page.evaluate("(room => room.scrollWidth <= room.clientWidth)(document.getElementById('room'))")
        await picture(page, "long_name")
