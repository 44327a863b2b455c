"""What the slot office and the waitlist make of the day: stopped clinics, offers, and the patients' answers."""

import random
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Final

from runtime.demo_clinic.day import Day
from runtime.demo_clinic.plan import Stop, Visit
from runtime.demo_clinic.wires import Record, Refused

FEED_SECONDS: Final = 180.0
FOLLOW_SECONDS: Final = 240.0
OFFER_MINUTES: Final = 90
PAGE: Final = 100
ACCEPTS, DECLINES = 0.6, 0.2
CHOOSES, GIVES_UP = 0.5, 0.25
OPEN_CASES: Final = ("pending", "offered")


class Office:
    """Plays stops and the waitlist of one day. `cases` and `offers` are what people were told of theirs."""

    def __init__(self, day: Day, *, seed: int) -> None:
        self.day = day
        self._rng = random.Random(seed + 2)  # noqa: S311  an invented day, not secrets
        self._visits: dict[str, Visit] = {}
        self._entries: dict[str, Visit] = {}
        self._place: str | None = None
        self.stops: dict[str, Stop] = {}
        self.cases: dict[str, str] = {}
        self.entries: dict[str, str] = {}
        self.offers: dict[str, str] = {}
        self.heard = Counter[str]()

    # --- the waitlist

    async def join(self, visit: Visit) -> None:
        """Put somebody on the list of a clinic that is sold out."""
        day = self.day
        await day.register(visit)
        wanted = {
            "target_kind": "schedule",
            "target_id": day.session_of(visit).schedule_id,
            "patient_id": visit.patient_id,
        }
        try:
            entry = await day.apps["portal"].post("/waitlist", wanted)
        except Refused as refused:
            if not refused.code.endswith(("waitlist.seats_available", "waitlist.closed")):
                raise
            visit.status = "refused"
            return
        visit.status = "waiting"
        self._entries[entry["id"]] = visit
        self.entries[entry["id"]] = "waiting"

    async def read_feed(self, _subject: object = None) -> None:
        """Read what the portal is told, as its server would every few minutes, and pass offers on to people."""
        day = self.day
        while True:
            query = {} if self._place is None else {"cursor": self._place}
            told = await day.apps["portal"].get("/events", limit=PAGE, **query)
            self._place = told["next"]
            for event in told["items"]:
                self.heard[event["kind"]] += 1
                if event["kind"] == "waitlist.offered":
                    scene = day.scene(partial(self._answer, event["facts"]["offer_id"]), event["subject_id"])
                    day.stage.after(self._rng.uniform(60, 20 * 60), scene)
            if len(told["items"]) < PAGE:
                break
        day.stage.after(FEED_SECONDS, day.scene(self.read_feed, None))

    async def _answer(self, offer_id: str, entry_id: str) -> None:
        chance = self._rng.random()
        portal, visit = self.day.apps["portal"], self._entries[entry_id]
        self.offers[offer_id] = "expired"
        if chance > ACCEPTS + DECLINES:
            # They have not looked: the offer runs out, and the entry with it.
            self.entries[entry_id] = "expired"
            return
        try:
            if chance > ACCEPTS:
                await portal.post(f"/waitlist/offers/{offer_id}/decline")
                self.offers[offer_id] = "declined"
                return
            appointment = await portal.post(f"/waitlist/offers/{offer_id}/accept")
        except Refused as refused:
            # An offer shortly before the list ends stands for less than half an hour.
            if not refused.code.endswith("offer_ended"):
                raise
            self.entries[entry_id] = "expired"
            return
        self.offers[offer_id], self.entries[entry_id] = "accepted", "taken"
        self.day.booked(visit, appointment)

    # --- stopped clinics

    async def order(self, stop: Stop) -> None:
        """Stop a clinic."""
        session = self.day.world.sessions[stop.session]
        body: Record = {"schedule_id": session.schedule_id, "reason": "医生临时停诊", "steps": list(stop.steps)}
        body |= {"offer_minutes": OFFER_MINUTES, "within_days": 0}
        if stop.substitute is not None:
            body["substitute_practitioner_id"] = self.day.world.sessions[stop.substitute].practitioner_id
        ordered = await self.day.apps["office"].post("/administration/stops", body)
        self.stops[ordered["id"]] = stop
        self._visits |= {
            one.appointment_id: one
            for one in self.day.plan.everybody()
            if one.appointment_id and one.status == "booked"
        }
        self.day.stage.after(FOLLOW_SECONDS, self.day.scene(self._follow, ordered["id"]))

    async def _follow(self, stop_id: str) -> None:
        """Look how far a stop is, and what it means for whom."""
        office, stop = self.day.apps["office"], self.stops[stop_id]
        order = await office.get(f"/administration/stops/{stop_id}")
        if order["substitution"] == "done":
            await self._take_over(stop)
        query: dict[str, str | int] = {"limit": PAGE}
        while True:
            told = await office.get(f"/administration/stops/{stop_id}/cases", **query)
            for case in told["items"]:
                await self._note(case)
            if told.get("next_cursor") is None:
                break
            query["cursor"] = told["next_cursor"]
        if order["status"] != "finished":
            self.day.stage.after(FOLLOW_SECONDS, self.day.scene(self._follow, stop_id))

    async def _take_over(self, stop: Stop) -> None:
        """Open the substitute's door in the room of the stopped clinic."""
        assert stop.substitute is not None, "there is a substitution"
        session, other = (self.day.world.sessions[n] for n in (stop.session, stop.substitute))
        if session.practitioner_id != other.practitioner_id:
            session.practitioner_id, session.practitioner_code = other.practitioner_id, other.practitioner_code
            self.day.open_door(session, pace=self.day.plan.pace[stop.session])

    async def _note(self, case: Record) -> None:
        """Take in what became of one appointment; a choice is answered after a while."""
        appointment_id, status = case["appointment_id"], case["status"]
        if self.cases.get(appointment_id) == status:
            return
        self.cases[appointment_id] = status
        visit = self._visits[appointment_id]
        if status == "offered":
            scene = self.day.scene(self._choose, visit)
            self.day.stage.after(self._rng.uniform(5 * 60, 60 * 60), scene)
        elif status not in OPEN_CASES:
            appointment = await self.day.apps["office"].get(f"/appointments/{appointment_id}")
            visit.status = appointment["status"]
            if visit.status == "booked":
                self.day.take_time(visit, appointment)

    async def _choose(self, visit: Visit) -> None:
        """Answer as people do: most take another time, some give up, some never look."""
        app, chance = self.day.apps[visit.app], self._rng.random()
        path = f"/appointments/{visit.appointment_id}/stop"
        if visit.status != "booked" or chance > CHOOSES + GIVES_UP:
            return
        if chance <= CHOOSES:
            for choice in (await app.get(path))["choices"]:
                try:
                    moved = await app.post(f"{path}/choose", {"slot_id": choice["slot_id"]})
                except Refused as refused:
                    if not refused.code.endswith("sold_out"):
                        raise
                    continue
                self.day.take_time(visit, moved)
                return
        visit.status = (await app.post(f"{path}/cancel"))["status"]

    def plan(self, *, joins_from: timedelta) -> None:
        """Plan all of it; people join the waitlist so long after this moment, a few seconds apart."""
        stage = self.day.stage
        for place, visit in enumerate(self.day.plan.waiters):
            stage.after(joins_from.total_seconds() + 3 * place, self.day.scene(self.join, visit))
        stage.after(joins_from.total_seconds(), self.day.scene(self.read_feed, None))
        for stop in self.day.plan.stops:
            stage.at(stop.at, self.day.scene(self.order, stop))
