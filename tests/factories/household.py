"""A household on the running platform, in the midst of everything: visits, waiting, money, messages, complaints.

Everything is done as in life: through the app, a partner, the HIS's window and stations, and the channels' emulators.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import partial
from typing import Any, Final, Self
from uuid import UUID

import httpx

from kernel import clock
from kernel.db import Database
from runtime.composition import MODELS
from runtime.demo_hospital.access import COMPLAINTS_STAFF
from runtime.demo_hospital.people import document_number
from tests.factories.app_journeys import Patient, book_for
from tests.factories.both_sides import (
    AGREE_SECONDS_MAX,
    OPEN_TO_ALL,
    POLL_SECONDS,
    HisWindow,
    OpenApi,
    People,
    Person,
    at_platform,
    eventually,
    linked,
)
from tests.factories.consents import consented
from tests.factories.grants import public_client
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP
from tests.factories.money_journeys import Doctors
from tests.factories.patient_app import PRIVACY, Phone
from tests.factories.sign_in import Visitor
from tests.platform import Hospital

MORNING: Final = time(6, 30)
"""The windows' own share goes back an hour before a clinic begins."""
OPENING: Final = time(8, 5)
HOTLINE: Final = "020-8765 4321"
BEFORE: Final = 3
DAYS_AHEAD: Final = 4
WAITLIST_DAYS_AHEAD: Final = 2
SEATS_MAX: Final = 24
"""Of a clinic that is then full."""
# Cardiology, respiratory medicine, gastroenterology, neurology, endocrinology, the general practice.
LIKELY_CLINICS: Final = ("0304", "0301", "0302", "0303", "0307")
COMPLAINT: Final = "收费窗口等了四十分钟，只开了一个窗口。希望中午多开一个。"
ANSWER: Final = "您反映的情况属实，中午已增开两个窗口，向您致歉。"
MRI: Final = CRP | {"code": "21020001", "name": "头颅磁共振平扫", "unit_price_fen": 48_000}
ANDROID: Final = "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36"
IPHONE: Final = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari"

Record = dict[str, Any]


def invented(name: str, born: date, sequence: int, phone: str) -> Person:
    """Somebody with a document number of the test range."""
    return Person(name, document_number(birth_date=born, sequence=sequence), phone)


OWN: Final = invented("李秀英", date(1986, 5, 17), 482, "13900020001")
GRANDMOTHER: Final = invented("周桂芳", date(1956, 3, 2), 952, "13900020002")
CHILD: Final = invented("陈小雨", date(2018, 9, 12), 826, "13900020003")


@dataclass
class Household:
    """One account with its people. ids: what a screen shows, by name."""

    hospital: Hospital
    portal: OpenApi
    slot_office: OpenApi
    complaints: OpenApi
    his: HisWindow
    people: People = field(default_factory=People)
    ids: dict[str, str] = field(default_factory=dict)
    own: Person = OWN
    grandmother: Person = GRANDMOTHER
    child: Person = CHILD
    _joined: list[Patient] = field(default_factory=list)

    @classmethod
    def of(cls, hospital: Hospital) -> Self:
        """Stand before a platform that has just come up, in the morning."""
        return cls(
            hospital,
            OpenApi.of(hospital, "city_portal"),
            OpenApi.of(hospital, "slot_office", staff="S0001"),
            OpenApi.of(hospital, "slot_office", staff=COMPLAINTS_STAFF),
            HisWindow.of(hospital),
        )

    async def close(self) -> None:
        """Give the connections back."""
        for client in (self.portal, self.slot_office, self.complaints, self.his):
            client.http.close()
        for patient in self._joined:
            await patient.phone.http.aclose()

    @property
    def patient(self) -> Patient:
        """Whose phone it is."""
        return self._joined[0]

    async def live(self) -> None:
        """Go through everything that the screens show."""
        sold = self._buy_at_window()
        assert self.hospital.clock is not None
        self.hospital.clock.advance_to(clock.clinic_instant(self.hospital.today(), OPENING))
        await self._join()
        self._come(sold)
        await self._book_ahead()
        self._lose_a_clinic()
        await self._complain()
        await self._pay()
        await self._let_in()
        await self._wait_for_a_number()
        self.ids["message"] = await self._told("appointment.booked")

    # --- visits of today

    def _buy_at_window(self) -> dict[str, list[str]]:
        """Numbers of today, sold at the HIS's window: three before our own; one of a visit that will be over."""
        today = self._clinics(self.hospital.today())
        strangers = [self.people.invent() for _ in range(BEFORE)]
        return {
            "queue": self._buy(next(today), *strangers, self.own),
            "past": self._buy(next(today), self.own),
            "checkin": self._buy(next(today), self.grandmother),
        }

    def _buy(self, schedule: Record, *people: Person) -> list[str]:
        answers = [self.his.book(schedule["schedule_id"], person.at_window()) for person in people]
        assert {answer.status_code for answer in answers} == {201}, answers[0].text
        return [answer.json()["his_id"] for answer in answers]

    def _clinics(self, day: date) -> Iterator[Record]:
        """Morning clinics of a day with numbers enough, one of each department, those that are best known first."""
        suited = eventually("schedules at the HIS", lambda: self.his.window_schedules(day) or None)
        listed = self.his.get("/api/schedules", date=day.isoformat())["schedules"]
        known = [one for one in listed if one["schedule_id"] in suited and one["period"] == "morning"]
        by_department = {one["clinic_code"][2:]: one for one in sorted(known, key=_how_unlikely, reverse=True)}
        return iter(sorted(by_department.values(), key=_how_unlikely))

    def _come(self, sold: Mapping[str, list[str]]) -> None:
        for name, his_ids in sold.items():
            self.ids[name] = linked(self.his, his_ids[-1])
        for his_id in (*sold["queue"], *sold["past"]):
            assert self.his.register(his_id).status_code == 201
        assert self.his.complete(sold["past"][0]).status_code == 200
        at_platform(self.slot_office, self.ids["past"], status="fulfilled")
        at_platform(self.slot_office, self.ids["queue"], status="arrived")

    # --- the account

    async def _join(self) -> None:
        patient = await Patient.join(self.hospital.base_url, self.own, **{"user-agent": ANDROID})
        self._joined.append(patient)
        self.ids["own"] = patient.patient_id
        self.ids["grandmother"] = await patient.bind(self.grandmother, "parent")
        self.ids["child"] = await patient.bind(self.child, "child")

    async def _post(self, path: str, body: Any = None, *, member: str = "own") -> Record:
        answer = await self.patient.phone.post(f"/members/{self.ids[member]}{path}", body)
        assert answer.is_success, answer.text
        done: Record = answer.json()
        return done

    async def _free_slots(self, department: str, day: date) -> list[Record]:
        """The half hours of a department's first doctor of a day who has something free."""
        phone = self.patient.phone
        found = (await phone.get(f"/departments/{department}", params={"date": day.isoformat()})).json()
        sessions = [
            (doctor["id"], session)
            for doctor in found["doctors"]
            for session in doctor["sessions"]
            if session["state"] == "free" and session["period"] == "morning"
        ]
        self.ids["doctor"], session = sessions[0]
        self.ids["session"] = session["schedule_id"]
        bands: list[Record] = (await phone.get(f"/clinic-sessions/{session['schedule_id']}")).json()["bands"]
        return [band for band in bands if band["available"] > 0]

    async def _book_ahead(self) -> None:
        """Book some days ahead at the doctor whom the family knows, and leave another half hour to be confirmed."""
        day = self._weekday(DAYS_AHEAD)
        self.ids["day"] = day.isoformat()
        listed = (await self.patient.phone.get("/directory/search", params={"q": "xxgnk"})).json()
        self.ids["department"] = listed["departments"][0]["id"]
        slots = await self._free_slots(self.ids["department"], day)
        hold = await self._post("/holds", {"slot_id": slots[2]["slot_id"]})
        booked = await self._post(f"/holds/{hold['id']}/confirm")
        self.ids |= {"ahead": booked["appointment"]["id"], "slot": slots[4]["slot_id"]}

    def _weekday(self, after_days: int) -> date:
        day = self.hospital.today() + timedelta(days=after_days)
        while day.isoweekday() > 5:
            day += timedelta(days=1)
        return day

    def _lose_a_clinic(self) -> None:
        """Have a partner book where the clinic is then stopped, and other times offered."""
        clinic = list(self._clinics(self._weekday(DAYS_AHEAD + 1)))[1]
        booked = book_for(self.portal, self.patient, clinic["schedule_id"], place=1)
        stop = {"schedule_id": clinic["schedule_id"], "reason": "医生外出会诊", "steps": ["offer", "cancel"]}
        self.slot_office.done("/administration/stops", stop)
        self.ids["stopped"] = booked["id"]
        eventually("other times offered", partial(self._is_offered, booked["id"]))

    def _is_offered(self, appointment_id: str) -> bool | None:
        answer = self.portal.http.get(f"/open/v1/appointments/{appointment_id}/stop")
        return (answer.status_code == 200 and answer.json()["status"] == "offered") or None

    # --- what was said

    async def _complain(self) -> None:
        filed = {"kind": "complaint", "category": "charges", "text": COMPLAINT, "appointment_id": self.ids["past"]}
        self.ids["case"] = (await self._post("/feedback", filed))["id"]
        self.complaints.done(f"/administration/feedback/{self.ids['case']}/answer", {"text": ANSWER})

    async def _told(self, kind: str) -> str:
        """Wait for a message of a kind."""
        async with asyncio.timeout(AGREE_SECONDS_MAX):
            while True:
                items = (await self.patient.phone.get("/messages")).json()["items"]
                found = [str(one["id"]) for one in items if one["kind"] == kind]
                if found:
                    return found[0]
                await asyncio.sleep(POLL_SECONDS)

    # --- money

    async def _pay(self) -> None:
        """Have two bills paid of which an item is asked back, and leave two unpaid."""
        doctors = Doctors(self.his)
        doctors.insure(self.own)
        first = [
            doctors.prescribe(self.own, AMOXICILLIN, kind="prescription"),
            doctors.prescribe(self.own, BLOOD_COUNT, CRP, kind="laboratory"),
        ]
        order = await self._order(first)
        await self._pay_by_code(order)
        listed = await self.patient.reads(f"/orders/{order}")
        items = [item for bill in listed["bills"] for item in bill["items"]]
        asked = next(item for item in items if item["name"] == AMOXICILLIN["name"])
        await self._post(f"/orders/{order}/refunds", {"item_nos": [asked["item_no"]]})
        self.ids["paid"] = order
        self.ids["unpaid_bill"] = doctors.prescribe(self.own, BLOOD_COUNT, MRI, kind="laboratory")
        self.ids["bill_to_order"] = doctors.prescribe(self.own, CRP, kind="laboratory")

    async def _order(self, bill_nos: list[str]) -> str:
        shown = (await self.patient.reads("/bills"))["items"]
        chosen = [{"bill_no": one["bill_no"], "hash": one["hash"]} for one in shown if one["bill_no"] in bill_nos]
        return str((await self._post("/bills/order", {"bills": chosen}))["order_id"])

    async def _pay_by_code(self, order: str) -> None:
        """Pay as somebody who scans the code with WeChat."""
        begun = await self._post(f"/orders/{order}/payments", {"channel": "wechatpay", "scene": "native_code"})
        payer = "oHousehold_0000000000000001"
        await self._at_emulator("wechatpay", "/payments", openid=payer, code_url=begun["code_url"])
        async with asyncio.timeout(AGREE_SECONDS_MAX):
            while (await self.patient.reads(f"/orders/{order}/state"))["state"] != "done":
                await asyncio.sleep(POLL_SECONDS)

    async def _at_emulator(self, name: str, path: str, **body: str) -> Record:
        """Do something in the sandbox of a channel or of the insurance."""
        emulator = self.hospital.run["emulators"][name]
        bearer = {"authorization": f"Bearer {emulator['token']}"}
        async with httpx.AsyncClient(base_url=emulator["base_url"], timeout=30, trust_env=False) as http:
            answer = await http.post(f"/sandbox{path}", json=body, headers=bearer)
        assert answer.is_success, answer.text
        done: Record = answer.json()
        return done

    # --- who else

    async def _let_in(self) -> None:
        """Let an application read, sign in on a second phone, and ask for a copy."""
        account = UUID((await self.patient.phone.get("/account")).json()["id"])
        # A connection of its own: the tests' database stays what it is.
        db = Database()
        await db.open(self.hospital.run["database_url"], models=MODELS)
        try:
            client = await public_client(db, name="慢病管家")
            await consented(db, client, account, UUID(self.ids["own"]))
            # As if the minute between two codes were over.
            await db.execute("DELETE FROM sign_in_throttle")
        finally:
            await db.close()
        await self._sign_in_elsewhere()
        answer = await self.patient.phone.post("/account/exports")
        assert answer.is_success, answer.text

    async def _sign_in_elsewhere(self) -> None:
        base_url = self.hospital.base_url
        async with (
            httpx.AsyncClient(base_url=base_url, timeout=30, headers={"user-agent": IPHONE}) as http,
            Visitor(base_url) as reader,
        ):
            other = Phone(http, self.own.phone)
            asked = (await other.post("/phone-codes", {"phone": other.number})).json()
            code = await reader.code_for(other.number)
            body = {"challenge": asked["challenge"], "code": code, "transport": "body", "privacy_version": PRIVACY}
            answer = await other.post("/sessions", body)
            assert answer.is_success, answer.text

    # --- waiting for a number

    async def _wait_for_a_number(self) -> None:
        """Fill a small clinic, join its list for two, and have somebody give a number back."""
        full, taken = self._fill_a_clinic()
        self.ids["full"] = full
        target = {"target_kind": "schedule", "target_id": full}
        joined = await self._post("/waitlist", target)
        await self._post("/waitlist", target, member="grandmother")
        self.portal.done(f"/appointments/{taken}/cancel", {})
        self.ids["offer"] = await self._offered(joined["id"])

    def _fill_a_clinic(self) -> tuple[str, str]:
        """Have strangers book everything; gives the schedule, and one of their appointments."""
        for after_days in range(WAITLIST_DAYS_AHEAD, WAITLIST_DAYS_AHEAD + 5):
            day = self.hospital.today() + timedelta(days=after_days)
            listed = self.his.get("/api/schedules", date=day.isoformat())["schedules"]
            small = [one for one in listed if one["seats"] <= SEATS_MAX and one["clinic_code"] in OPEN_TO_ALL]
            if small:
                schedule_id = min(small, key=lambda one: (one["seats"], one["schedule_id"]))["schedule_id"]
                return schedule_id, [self._take(slot) for slot in self._seats(schedule_id)][-1]
        raise AssertionError("no small clinic in a week")

    def _seats(self, schedule_id: str) -> list[str]:
        slots = self.portal.get("/slots", schedule_id=schedule_id)["items"]
        return [slot["id"] for slot in slots for _ in range(slot["available"])]

    def _take(self, slot_id: str) -> str:
        patient_id = self.portal.register(self.people.invent())
        return str(self.portal.done("/appointments", {"slot_id": slot_id, "patient_id": patient_id})["id"])

    async def _offered(self, entry_id: str) -> str:
        async with asyncio.timeout(AGREE_SECONDS_MAX):
            while True:
                listed = (await self.patient.reads("/waitlist"))["items"]
                [entry] = [one for one in listed if one["id"] == entry_id]
                if entry["offer"]:
                    return str(entry["offer"]["id"])
                await asyncio.sleep(POLL_SECONDS)

    # --- what does not keep

    async def renew(self) -> None:
        """Make anew what a walk through the screens uses up."""
        await self._order_to_pay()
        await self._agree_to_share()

    async def _agree_to_share(self) -> None:
        """Owe a bill, and agree at the insurance that it be shared, whose page leads back with a code."""
        bill_no = Doctors(self.his).prescribe(self.own, BLOOD_COUNT, CRP, kind="laboratory")
        [bill] = [one for one in (await self.patient.reads("/bills"))["items"] if one["bill_no"] == bill_no]
        told = await self._at_emulator("insurance", "/consents", user_name=self.own.name, user_card_no=self.own.number)
        self.ids |= {"insured_bill": bill_no, "insured_hash": bill["hash"], "consent": told["code"]}

    async def _order_to_pay(self) -> None:
        """Make an order that waits for its payment, and a relative's code for it, in place of the ones before."""
        if "to_pay" in self.ids:
            await self._post(f"/orders/{self.ids['to_pay']}/close")
        self.ids["to_pay"] = await self._order([self.ids["bill_to_order"]])
        self.ids["pay_code"] = (await self._post(f"/orders/{self.ids['to_pay']}/pay-codes"))["code"]


def _how_unlikely(schedule: Mapping[str, Any]) -> tuple[int, str]:
    code = schedule["clinic_code"]
    places = [at for at, likely in enumerate(LIKELY_CLINICS) if likely in code]
    return (places[0] if places else len(LIKELY_CLINICS), schedule["schedule_id"])
