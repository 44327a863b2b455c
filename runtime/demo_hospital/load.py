"""Putting the demonstration hospital into an empty sandbox database by COPY, and keeping a fortnight open."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from booking.catalogue.announcing import announce_practitioner
from booking.catalogue.generation import GenerationReport, generate_schedules
from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Transaction, database
from kernel.events import Actor
from runtime.demo_hospital.access import ACCOUNT_PEOPLE, load_accounts, load_clients, load_patients, load_staff
from runtime.demo_hospital.places import CAMPUSES
from runtime.demo_hospital.plan import HospitalPlan, plan_hospital, stable_id

PATIENTS = 10_000
DAYS_OPEN = 14
EMERGENCY_NUMBERS = 2
"""Of each schedule, with which the HIS's window goes on while the platform is down."""
ACTOR = Actor(client_id="system:demo-data", channel="window", kind="system")
# COPY fills tables in this order, so that every reference finds its target.
TABLES = (
    "channel", "service_type", "pool", "campus", "department", "clinic", "room", "practitioner", "fee",
    "release_rule",
)  # fmt: skip

Say = Callable[[str], None]


class OtherHospital(Exception):
    """The database holds a hospital that is not the demonstration one; it is left alone."""


async def load_hospital(
    cipher: FieldCipher, say: Say, *, patients: int = PATIENTS, plan: HospitalPlan | None = None
) -> bool:
    """Load everything but schedules in one transaction, once: what a plan says, or all; tell whether there was need to.

    Raises:
        OtherHospital: campuses stand there that are not ours.
    """
    started = time.monotonic()
    async with database().transaction() as tx:
        if await _is_loaded(tx):
            return False
        plan = plan or plan_hospital()
        for table in TABLES:
            await tx.copy(table, plan.columns[table], plan.rows[table])
        await _insert_templates(tx, plan)
        # So that nobody who cancels a famous number can take it again under another name.
        await tx.execute(
            "UPDATE booking_rule SET return_delay_seconds_min = 60, return_delay_seconds_max = 600,"
            " emergency_numbers = $1 WHERE clinic_id IS NULL",
            EMERGENCY_NUMBERS,
        )
        say(_catalogue_line(plan))
        for practitioner_id, *_ in plan.rows["practitioner"]:
            assert isinstance(practitioner_id, UUID)
            await announce_practitioner(tx, practitioner_id)
        await load_clients(tx)
        await load_staff(tx)
        await load_patients(tx, cipher, patients)
        if patients >= ACCOUNT_PEOPLE:
            await load_accounts(tx)
        say(f"{patients:,} patients with document numbers of the test range")
    say(f"loaded in {time.monotonic() - started:.1f} s")
    return True


async def extend_schedules(say: Say) -> GenerationReport:
    """Make schedules for today and the fourteen days after it, where they are missing."""
    started = time.monotonic()
    first = clock.today()
    report = await generate_schedules(first=first, last=first + timedelta(days=DAYS_OPEN), actor=ACTOR)
    if report.schedules_created:
        say(
            f"{report.schedules_created:,} schedules with {report.seats_created:,} seats, {first} to {report.last},"
            f" in {time.monotonic() - started:.1f} s"
        )
        for table in ("schedule", "slot", "seat", "schedule_release", "patient", "practitioner"):
            await database().execute(f"ANALYZE {table}")
    for year in report.provisional_years:
        say(f"the public holidays of {year} are not announced yet: only the days fixed by law are used")
    return report


async def _is_loaded(tx: Transaction) -> bool:
    # Two loads at once queue here; the second finds the hospital loaded.
    await tx.execute("LOCK TABLE campus IN SHARE ROW EXCLUSIVE MODE")
    found = {row["id"] for row in await tx.fetch("SELECT id FROM campus")}
    ours = {stable_id("campus", campus.code) for campus in CAMPUSES}
    if found and not found & ours:
        raise OtherHospital
    return bool(found)


async def _insert_templates(tx: Transaction, plan: HospitalPlan) -> None:
    # COPY is binary and our jsonb codec is text, so this one table goes in by INSERT.
    columns = plan.columns["schedule_template"]
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    await tx.executemany(
        f"INSERT INTO schedule_template ({', '.join(columns)}) VALUES ({places})",  # noqa: S608  our own column names
        plan.rows["schedule_template"],
    )


def _catalogue_line(plan: HospitalPlan) -> str:
    counts = {table: len(rows) for table, rows in plan.rows.items()}
    return (
        f"{counts['campus']} campuses, {counts['department']} departments, {counts['clinic']} clinics,"
        f" {counts['room']} rooms, {counts['practitioner']} practitioners, {counts['schedule_template']:,} templates"
    )
