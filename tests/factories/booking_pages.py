"""A hospital with names that patients read, and somebody who signs in at its pages."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from kernel import clock
from kernel.db import database
from patients.accounts import Accounts, bind_member
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import open_to_app
from tests.factories.patient_pages import App
from tests.factories.patients import registration, resident_id
from tests.factories.sign_in import Visitor, new_phone


@dataclass(frozen=True)
class Cardiology:
    """A department with one doctor: free the day after tomorrow, full on the third day, not open on the fourth."""

    department: UUID
    doctor: UUID
    free: ScheduleUnderTest
    full: ScheduleUnderTest
    closed: ScheduleUnderTest

    @classmethod
    async def build(cls, api: OpenApi) -> "Cardiology":
        hospital, run = api.hospital, api.db.execute
        at = clock.now().replace(hour=0, minute=30, second=0, microsecond=0)
        ahead = [at + timedelta(days=days) - clock.now() for days in (2, 3, 4)]
        free = await hospital.schedule(seats=3, slots=6, starts_in=ahead[0])
        full = await hospital.schedule(seats=1, starts_in=ahead[1])
        closed = await hospital.schedule(seats=1, starts_in=ahead[2], opens_at=clock.now() + timedelta(days=1))
        for schedule in (free, full, closed):
            await open_to_app(hospital, schedule)
        doctor: UUID = await api.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", free.id)
        await run("UPDATE schedule SET practitioner_id = $1, fee_fen = 3700", doctor)
        await run("DELETE FROM practitioner WHERE id <> $1", doctor)
        await run(
            "UPDATE practitioner SET name = '王建国', pinyin = 'wangjianguo', initials = 'wjg',"
            " keywords = '冠心病 高血压 心律失常', introduction = '从医三十年，擅长冠心病与高血压的诊治。'"
        )
        await run(
            "UPDATE department SET name_zh = '心血管内科', name_en = 'Cardiology', pinyin = 'xinxueguanneike',"
            " initials = 'xxgnk' WHERE id = $1",
            hospital.department_id,
        )
        await run(
            "UPDATE department SET name_zh = '耳鼻咽喉科', name_en = 'Otorhinolaryngology', pinyin = 'erbiyanhouke',"
            " initials = 'ebyhk' WHERE id = $1",
            hospital.other_department_id,
        )
        await run(
            "UPDATE campus SET name_zh = '越秀院区', name_en = 'Yuexiu Campus', address = '越秀区东风中路 8899 号'"
        )
        await run("UPDATE clinic SET name_zh = '心血管内科门诊', name_en = 'Cardiology Clinic'")
        await run("UPDATE room SET name_zh = '3 诊室', name_en = 'Room 3', floor = '2F'")
        await run("UPDATE service_type SET name_zh = '专家门诊', name_en = 'Specialist'")
        await api.book(full.slots[0], await api.patient(api.kiosk), api.kiosk)
        return cls(hospital.department_id, doctor, free, full, closed)


async def sign_in_at(app: App, number: str) -> None:
    """Sign in by a code at the sign-in screen that is open; it leads back to where one came from."""
    await app.settled("sign-in")
    await app.write("phone", number)
    await app.tap("send-code")
    await app.part("sandbox-messages").wait_for()
    async with Visitor(app.base_url) as reader:
        await app.write("code", await reader.code_for(number))
    await app.tap("agree")
    await app.tap("submit")


async def with_member(*, born: date = date(1980, 5, 17)) -> tuple[str, UUID]:
    """An account with a woman to book for; gives the number that signs in, and whom it acts for."""
    number = new_phone()
    async with database().transaction() as tx:
        account = await Accounts().open_account(tx, phone=number)
    wanted = registration(name="李秀英", number=resident_id(born=born, sequence=18))
    return number, (await bind_member(account, wanted, relationship="self")).id
