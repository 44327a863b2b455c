"""A small hospital whose slot office is at work: made through the catalogue's own services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import orjson

from booking.catalogue import kinds
from booking.catalogue.entries import Kind, Values, change_entry, create_entry
from kernel import clock
from kernel.db import Database
from kernel.events import Actor
from tests.database_state import RESTORE_REFERENCE_DATA

OFFICE = Actor("slot-office", "window", "internal", staff_code="S0001", request_id="request-0001")
HOSPITAL_RULE = UUID("00000000-0000-7000-8000-000000000001")
WEDNESDAY = date(2026, 9, 2)
"""An ordinary workday, a month before the National Day holidays of 2026."""

_WATCHED = (
    "campus", "department", "clinic", "room", "practitioner", "title", "service_type", "fee", "channel", "pool",
    "release_rule", "booking_rule", "claim_limit", "noshow_rule", "followup_rule", "calendar_day", "schedule_template",
    "schedule", "slot", "seat", "hold", "schedule_release", "change_log", "outbox", "booking_event", "idempotency_key",
    "appointment", "stop_rule", "stop_order", "stop_case", "booking_notice",
    "extra_seat", "extra_seat_quota", "extra_seat_rule", "hold_pattern_rule", "hold_pattern_flag",
    "hold_pattern_evidence", "hold_pattern_event", "registration_payment_rule", "registration_payment_terms",
    "extra_seat", "extra_seat_quota", "extra_seat_rule", "rush_rule", "rush_mark",
)  # fmt: skip


def at(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """The instant at which clocks in Guangzhou show this."""
    return clock.clinic_instant(day, time(hour, minute))


@dataclass
class Catalogue:
    """One clinic of one department at one campus: a room, a practitioner, a fee, channels, pools."""

    db: Database
    ids: dict[str, UUID] = field(default_factory=dict)

    async def build(self) -> "Catalogue":
        """Enter the master data."""
        for code in ("window", "miniprogram", "city_portal"):
            await self.add(kinds.CHANNEL, code=code, **names(code))
        for code, minutes in (("common", None), ("window", 60), ("city_portal", 1440)):
            await self.add(kinds.POOL, code=code, recycle_minutes_before=minutes, **names(code))
        await self.add(kinds.SERVICE_TYPE, code="general", **names("general"))
        await self.add(
            kinds.CAMPUS, code="YX", address="广州市越秀区", latitude=23.1, longitude=113.2, **names("campus")
        )
        await self.add(kinds.DEPARTMENT, code="03.01", name_zh="呼吸内科", name_en="Respiratory Medicine")
        await self.add(
            kinds.CLINIC, code="YX0301", department_id=self.of("department"), campus_id=self.of("campus"),
            **names("clinic"),
        )  # fmt: skip
        await self.add(kinds.ROOM, code="YX0301-01", clinic_id=self.of("clinic"), **names("room"))
        await self.add(
            kinds.PRACTITIONER, code="D0001", name="曾小明", title="chief", department_id=self.of("department")
        )
        await self.add(kinds.FEE, service_type="general", title="chief", amount_fen=2500)
        await self.db.execute("DELETE FROM outbox")
        return self

    async def add(self, kind: Kind, /, **values: Any) -> Values:
        """Create an entry; its id is remembered as the kind's."""
        entry = await create_entry(kind, values, actor=OFFICE)
        if "id" in entry:
            self.ids[kind.entity] = UUID(entry["id"])
        return entry

    def of(self, entity: str) -> str:
        """The id of the last entry of a kind."""
        return str(self.ids[entity])

    def template_values(self, **changes: Any) -> Values:
        """A Wednesday morning of six half hours with four seats each: 24 seats."""
        return {
            "practitioner_id": self.of("practitioner"),
            "clinic_id": self.of("clinic"),
            "room_id": self.of("room"),
            "service_type": "general",
            "weekday": 3,
            "period": "morning",
            "starts": "08:00",
            "ends": "11:00",
            "slot_minutes": 30,
            "seats_per_slot": 4,
            "quotas": {"window": 25},
            "valid_from": "2026-01-01",
        } | changes

    async def template(self, **changes: Any) -> Values:
        """Enter a template."""
        return await self.add(kinds.SCHEDULE_TEMPLATE, **self.template_values(**changes))

    async def rule(self, **values: Any) -> Values:
        """Enter a release rule: the mini-program may take common seats seven days ahead at 07:00."""
        usual = {"channel": "miniprogram", "pool": "common", "kind": "days_ahead", "days_ahead": 7, "at_time": "07:00"}
        return await self.add(kinds.RELEASE_RULE, **(usual | values))

    async def change(self, kind: Kind, entry: Values, /, **changes: Any) -> Values:
        """Change an entry from the version at hand."""
        return await change_entry(kind, entry[kind.key], changes, version=entry["version"], actor=OFFICE)

    async def releases(self, schedule_id: UUID) -> dict[tuple[str, str], tuple[datetime, str]]:
        """When a schedule's pools open to which channel."""
        rows = await self.db.fetch(
            "SELECT channel, pool, opens_at, via FROM schedule_release WHERE schedule_id = $1", schedule_id
        )
        return {(row["channel"], row["pool"]): (row["opens_at"], row["via"]) for row in rows}

    async def letters(self) -> list[tuple[str, str]]:
        """What the HIS is to be told: event type and aggregate, in order."""
        rows = await self.db.fetch("SELECT event_type, aggregate FROM outbox ORDER BY id")
        return [(row["event_type"], row["aggregate"]) for row in rows]

    async def last_change(self) -> dict[str, Any]:
        """The newest row of the change log, without its number and time."""
        row = await self.db.fetchrow("SELECT * FROM change_log ORDER BY id DESC LIMIT 1")
        assert row is not None
        return {name: value for name, value in row.items() if name not in ("id", "at")}


def names(word: str) -> dict[str, str]:
    """Both names of something of which the name does not matter."""
    return {"name_zh": word, "name_en": word}


async def restore_reference_data(db: Database) -> None:
    """Put back what the migrations themselves filled, in the middle of a test."""
    await db.execute(RESTORE_REFERENCE_DATA)


async def everything(db: Database) -> dict[str, list[str]]:
    """Every row of every table that the slot office's work touches, as text."""
    found = {}
    for table in _WATCHED:
        rows = await db.fetch(f"SELECT row_to_json(t)::text AS row FROM {table} t")
        found[table] = sorted(row["row"] for row in rows)
    return found


@asynccontextmanager
async def nothing_changes(db: Database) -> AsyncIterator[None]:
    """See that what happens inside leaves every row as it was."""
    before = await everything(db)
    yield
    after = await everything(db)
    for table in _WATCHED:
        assert after[table] == before[table], table


def as_stored(values: Values) -> Values:
    """What JSON makes of values."""
    stored: Values = orjson.loads(orjson.dumps(values))
    return stored
