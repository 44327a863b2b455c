"""The people of the day: how they book, come, wait, are called, seen, and go; each by the wires that they would use."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import httpx

from kernel import clock
from runtime.demo_clinic.plan import DayPlan, ExtraSeat, Visit, arrival_of
from runtime.demo_clinic.stage import Stage
from runtime.demo_clinic.wires import App, Record, Refused, Window
from runtime.demo_clinic.world import Session, World

HIS_LOOK_AGAIN_SECONDS: Final = 60.0
DOCTOR_READY_SECONDS: Final = 15.0
WALK_TO_DOOR_SECONDS: Final = 40.0
RECALL_SECONDS: Final = 60.0
BACK_SECONDS: Final = 15 * 60.0
RESULTS_SECONDS: Final = 45 * 60.0


@dataclass(slots=True)
class Door:
    """A doctor before whose room people wait. `waiting`: those who have come, by our own count."""

    practitioner_id: str
    room_id: str
    pace: float
    hours: list[tuple[datetime, datetime]]
    waiting: dict[int, datetime] = field(default_factory=dict)  # by number: when their clinic ends
    announced: int = 0  # registered at the window, and not seen in the queue yet
    is_busy: bool = False
    opens_planned: bool = False

    def opens_at(self, now: datetime) -> datetime:
        """Tell from when the doctor calls: once the clinic has begun, and over lunch for the morning's people alone."""
        for begins, ends in self.hours:
            if now < begins:
                return begins
            if now < ends or any(their_end <= ends for their_end in self.waiting.values()):
                return now
        return now


@dataclass(slots=True)
class Ledger:
    """What the people of the day know to have happened; nothing in it is read from the platform's database."""

    told: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    waits: list[tuple[str, int, int, int, datetime]] = field(default_factory=list)  # entry, estimate, low, high, since
    called: dict[str, datetime] = field(default_factory=dict)
    visit_numbers: list[str] = field(default_factory=list)


class Day:
    """Plays the people of one day."""

    def __init__(self, world: World, plan: DayPlan, stage: Stage, *, apps: dict[str, App], window: Window) -> None:
        self.world, self.plan, self.stage, self.apps, self.window = world, plan, stage, apps, window
        self.ledger = Ledger()
        self.his_is_up = True
        self._by_patient: dict[str, Visit] = {}
        self._doors: dict[tuple[str, str], Door] = {}
        for number, session in enumerate(world.sessions):
            self.open_door(session, pace=plan.pace[number])

    # --- before the day

    def plan_bookings(self, first: datetime, last: datetime) -> None:
        """Let everybody who books beforehand do so, evenly over some hours."""
        step = (last - first) / max(len(self.plan.visits), 1)
        for place, visit in enumerate(self.plan.visits):
            self.stage.at(first + place * step, self.scene(self._book, visit))

    def plan_morning(self) -> None:
        """Plan what is decided before the day: who cancels, walks in, buys at the window, or needs an extra seat."""
        for visit in self.plan.visits:
            if visit.acts_at is not None:
                self.stage.at(visit.acts_at, self.scene(self._cancel, visit))
        for visit in self.plan.walk_ins:
            assert visit.acts_at is not None, "a walk-in has its time"
            self.stage.at(visit.acts_at, self.scene(self._walk_in, visit))
        for visit in self.plan.window_sales:
            assert visit.acts_at is not None, "a sale has its time"
            self.stage.at(visit.acts_at, self.scene(self._buy_at_window, visit))
        for extra in self.plan.extra_seats:
            self.stage.at(extra.at, self.scene(self._add_seat, extra))

    async def _book(self, visit: Visit) -> None:
        app = self.apps[visit.app]
        await self.register(visit)
        wanted = {"slot_id": self._slot_id(visit), "patient_id": visit.patient_id}
        if visit.by_hold:
            hold = await app.post("/holds", wanted)
            self.ledger.told["holds"] += 1
            if visit.fate == "abandons":
                visit.status = "abandoned"
                return
            wanted = {"hold_id": hold["id"]}
        self.booked(visit, await app.post("/appointments", wanted))
        self.ledger.told["booked"] += 1

    async def register(self, visit: Visit) -> None:
        """Make a person known to the application, where they are not known yet."""
        if visit.registers:
            document = {"type": "CN-ID", "number": visit.person.document_number}
            body = {"name": visit.person.name, "document": document, "phone": visit.person.phone}
            visit.patient_id = (await self.apps[visit.app].post("/patients", body))["id"]
            self.ledger.told["registered"] += 1

    def booked(self, visit: Visit, appointment: Record) -> None:
        """Note what somebody was promised, and plan their coming."""
        visit.appointment_id, visit.status = appointment["id"], appointment["status"]
        self.take_time(visit, appointment)

    def take_time(self, visit: Visit, appointment: Record) -> None:
        """Note the time and place that an appointment has now, and plan the coming anew."""
        for number, session in enumerate(self.world.sessions):
            if session.schedule_id == appointment["schedule_id"]:
                visit.session = number
                visit.slot = next(n for n, slot in enumerate(session.slots) if slot.id == appointment["slot_id"])
        visit.plans += 1
        if visit.fate in ("comes", "late"):
            scene = self.scene(partial(self._arrive, plan=visit.plans), visit)
            self.stage.at(arrival_of(visit, self.session_of(visit)), scene)

    async def _cancel(self, visit: Visit) -> None:
        if visit.status != "booked":
            return
        answer = await self.apps[visit.app].post(f"/appointments/{visit.appointment_id}/cancel", {})
        visit.status = answer["status"]
        self.ledger.told["cancelled by patients"] += 1

    async def _add_seat(self, extra: ExtraSeat) -> None:
        office, visit = self.apps["office"], extra.visit
        body = {"pool": "common", "patient_id": visit.patient_id, "reason": "外地复诊患者"}
        asked = await office.post(f"/administration/slots/{self._slot_id(visit)}/extra-seats", body)
        self.ledger.told["extra seats asked for"] += 1
        path = f"/administration/extra-seats/{asked['id']}"
        if extra.refused:
            await office.post(f"{path}/refuse", staff="S0002")
            visit.status = "refused"
            return
        done = await office.post(f"{path}/approve", staff="S0002")
        self.booked(visit, await office.get(f"/appointments/{done['appointment_id']}"))
        self.ledger.told["extra seats given"] += 1

    # --- coming

    async def _arrive(self, visit: Visit, *, plan: int) -> None:
        if visit.status != "booked" or plan != visit.plans:
            return
        if visit.way == "his":
            await self._register_at_window(visit)
            return
        # The doctor may call them before the answer has come back, so they stand at the door from now on.
        door = self._stand_at_door(visit)
        entry = await self._check_in(visit)
        visit.status = "arrived"
        if visit.entry_id is None:
            visit.entry_id, visit.queue_status = entry["id"], entry["status"]
        estimate = entry["estimate"]
        if estimate is not None:
            since = datetime.fromisoformat(entry["checked_in_at"])
            self.ledger.waits.append((entry["id"], estimate["seconds"], estimate["low"], estimate["high"], since))
        self.ledger.told[f"checked in by {visit.way}"] += 1
        self._wake(door)
        if visit.goes_home:
            self.stage.after(BACK_SECONDS, self.scene(self._go_home, visit))

    async def _check_in(self, visit: Visit) -> Record:
        session, named = self.session_of(visit), {"way": visit.way, "appointment_id": visit.appointment_id}
        match visit.way:
            case "code":
                code = await self.apps[visit.app].post(f"/appointments/{visit.appointment_id}/check-in-code")
                return await self.apps["kiosk"].post("/check-ins", {"way": "code", "code": code["code"]})
            case "place":
                near = (visit.number % 100) / 100_000
                place = {
                    "latitude": round(session.latitude + near, 6),
                    "longitude": round(session.longitude - near, 6),
                    "accuracy_meters": 15 + visit.number % 20,
                    "fixed_at": self.stage.now().isoformat(),
                }
                return await self.apps[visit.app].post("/check-ins", {**named, "place": place})
            case "staff":
                return await self.apps["office"].post("/check-ins", {**named, **visit.flags})
            case _:
                return await self.apps["kiosk"].post("/check-ins", named)

    async def _register_at_window(self, visit: Visit) -> None:
        """Register at the HIS's window; where it is shut or slow, the kiosk has to do."""
        there = None
        if self.his_is_up:
            try:
                there = (
                    await self.window.find(str(visit.appointment_id))
                    if visit.app != "his"
                    else {"his_id": visit.his_id}
                )
            except httpx.HTTPError:
                self.ledger.told["found the window shut"] += 1
        if there is None:
            visit.way = "kiosk"
            await self._arrive(visit, plan=visit.plans)
            return
        visit.his_id = there["his_id"]
        visit.status = "arrived"
        await self._announce(visit, {"his_id": visit.his_id})
        self.ledger.told["checked in by his"] += 1

    async def _buy_at_window(self, visit: Visit) -> None:
        session = self.session_of(visit)
        body = {"schedule_id": session.schedule_id, "patient": _told(visit), "request_id": f"day-{visit.number}"}
        try:
            sold = await self.window.post("/api/window/bookings", body)
        except Refused as refused:
            if not refused.code.endswith(("sold_out", "window_closed")):
                raise
            visit.status = "refused"
            self.ledger.told["found nothing at the window"] += 1
            return
        visit.his_id, visit.status = sold["his_id"], "booked"
        starts_at = datetime.fromisoformat(sold["start"])
        visit.slot = next(n for n, slot in enumerate(session.slots) if slot.starts_at == starts_at)
        self.ledger.told["sold at the window"] += 1
        visit.plans += 1
        at = max(arrival_of(visit, session), self.stage.now() + timedelta(minutes=2))
        self.stage.at(at, self.scene(partial(self._arrive, plan=visit.plans), visit))

    async def _walk_in(self, visit: Visit) -> None:
        session = self.session_of(visit)
        body = {
            "patient": _told(visit),
            "clinic_code": session.clinic_code,
            "practitioner_code": session.practitioner_code,
        }
        visit.status = "walk-in"
        done = await self._announce(visit, body)
        self.ledger.visit_numbers.append(done["visit_number"])
        self.ledger.told["walked in"] += 1

    # --- waiting and being seen

    def open_door(self, session: Session, *, pace: float) -> Door:
        """Give the door of a clinic; a doctor's morning and afternoon have one, where the room is the same."""
        key = (session.practitioner_id, session.room_id)
        door = self._doors.setdefault(key, Door(*key, pace, []))
        # Doctors come some minutes late, each by a habit of their own.
        habit = timedelta(minutes=int(session.practitioner_code[1:]) % 7)
        door.hours = sorted({*door.hours, (session.starts_at + habit, session.ends_at)})
        return door

    def _door_of(self, visit: Visit) -> Door:
        session = self.session_of(visit)
        return self._doors[session.practitioner_id, session.room_id]

    def _stand_at_door(self, visit: Visit) -> Door:
        self._by_patient[visit.patient_id] = visit
        door = self._door_of(visit)
        door.waiting[visit.number] = self.session_of(visit).ends_at
        return door

    async def _announce(self, visit: Visit, body: Record) -> Record:
        """Register somebody at the window: the queue may have them before we hear so."""
        self._by_patient[visit.patient_id] = visit
        visit.queue_status = "waiting"
        door = self._door_of(visit)
        door.announced += 1
        done = await self.window.post("/api/window/registrations", body)
        self.stage.after(HIS_LOOK_AGAIN_SECONDS, self.scene(self._look_again, door))
        return done

    async def _look_again(self, door: Door) -> None:
        self._wake(door)

    def _wake(self, door: Door) -> None:
        if door.is_busy:
            return
        now = self.stage.now()
        opens_at = door.opens_at(now)
        if opens_at > now:
            if not door.opens_planned:
                door.opens_planned = True
                self.stage.at(opens_at, self.scene(self._open, door))
            return
        door.is_busy = True
        self.stage.after(DOCTOR_READY_SECONDS, self.scene(self._call, door))

    async def _open(self, door: Door) -> None:
        door.opens_planned = False
        self._wake(door)

    async def _call(self, door: Door) -> None:
        body = {"practitioner_id": door.practitioner_id, "room_id": door.room_id}
        try:
            entry = await self.apps["office"].post("/queues/call-next", body)
        except Refused as refused:
            if not refused.code.endswith(("queue.nobody_waiting", "queue.not_found")):
                raise
            door.is_busy = False
            if door.announced > 0:
                self.stage.after(HIS_LOOK_AGAIN_SECONDS, self.scene(self._look_again, door))
            return
        visit = self._by_patient[entry["patient_id"]]
        if door.waiting.pop(visit.number, None) is None:
            door.announced -= 1
        visit.entry_id, visit.queue_status = entry["id"], entry["status"]
        self.ledger.called.setdefault(entry["id"], datetime.fromisoformat(entry["called_at"]))
        self.ledger.told["called"] += 1
        if visit.is_away:
            visit.is_away = False
            self.stage.after(RECALL_SECONDS, self.scene(partial(self._recall, door), visit))
        else:
            self.stage.after(WALK_TO_DOOR_SECONDS, self.scene(partial(self._start, door), visit))

    async def _recall(self, door: Door, visit: Visit) -> None:
        await self._step(visit, "recall")
        if visit.number % 2:
            self.stage.after(WALK_TO_DOOR_SECONDS, self.scene(partial(self._start, door), visit))
        else:
            self.stage.after(RECALL_SECONDS, self.scene(partial(self._pass_by, door), visit))

    async def _pass_by(self, door: Door, visit: Visit) -> None:
        await self._step(visit, "pass")
        self.ledger.told["passed"] += 1
        if visit.comes_back:
            self.stage.after(BACK_SECONDS, self.scene(partial(self._come_back, door), visit))
        self._free(door)

    async def _come_back(self, door: Door, visit: Visit) -> None:
        visit.queue_status = "waiting"
        door.waiting[visit.number] = self.session_of(visit).ends_at
        await self.apps["office"].post(f"/queue/{visit.entry_id}/return")
        self.ledger.told["came back"] += 1
        self._wake(door)

    async def _start(self, door: Door, visit: Visit) -> None:
        await self._step(visit, "start")
        length = door.pace * (visit.consult_share if visit.consultations == 0 else 0.4)
        self.stage.after(max(length - WALK_TO_DOOR_SECONDS, 30.0), self.scene(partial(self._finish, door), visit))

    async def _finish(self, door: Door, visit: Visit) -> None:
        await self._step(visit, "finish")
        visit.consultations += 1
        visit.status = "fulfilled" if visit.status == "arrived" else visit.status
        self.ledger.told["consultations"] += 1
        if visit.has_results and visit.consultations == 1:
            self.ledger.told["came back with results"] += 1
            self.stage.after(RESULTS_SECONDS, self.scene(partial(self._come_back, door), visit))
        self._free(door)

    async def _go_home(self, visit: Visit) -> None:
        if visit.queue_status != "waiting":
            return
        try:
            await self._step(visit, "leave", {"reason": "患者离开"})
        except Refused as refused:
            # They are called at this very moment, and stay.
            if not refused.code.endswith("entry_moved"):
                raise
            return
        self._door_of(visit).waiting.pop(visit.number, None)
        self.ledger.told["went home"] += 1

    async def _step(self, visit: Visit, name: str, body: Record | None = None) -> None:
        entry = await self.apps["office"].post(f"/queue/{visit.entry_id}/{name}", body)
        visit.queue_status = entry["status"]

    def _free(self, door: Door) -> None:
        door.is_busy = False
        if door.waiting or door.announced > 0:
            self._wake(door)

    # --- helpers

    def session_of(self, visit: Visit) -> Session:
        """Give the clinic that somebody goes to."""
        return self.world.sessions[visit.session]

    def _slot_id(self, visit: Visit) -> str:
        return self.session_of(visit).slots[visit.slot].id

    def scene(self, act: Callable[..., Awaitable[None]], subject: object) -> Callable[[], Awaitable[None]]:
        """Make a scene of an act; a refusal that nobody expects is written down, and the day goes on."""

        async def played() -> None:
            try:
                await act(subject)
            except (Refused, httpx.HTTPError) as error:
                name = getattr(act, "func", act).__name__.lstrip("_")
                at = clock.clinic_time(self.stage.now())
                self.ledger.surprises.append(f"{at} {name}: {error or type(error).__name__}")

        return played


def _told(visit: Visit) -> Record:
    """Say what a person shows at the window."""
    return {
        "name": visit.person.name,
        "document_type": "CN-ID",
        "document_number": visit.person.document_number,
        "sex": "M" if visit.person.sex == 1 else "F",
        "birth_date": visit.person.birth_date.isoformat(),
        "phone": visit.person.phone,
    }
