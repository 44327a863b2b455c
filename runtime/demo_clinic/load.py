"""`python -m runtime.demo_clinic.load`: fill the empty sandbox of the day with doctors, clinics and people."""

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

import asyncpg

from booking.catalogue.generation import generate_schedules
from kernel.crypto import FieldCipher, load_cipher
from kernel.db import Transaction, database, open_database
from kernel.errors import HospitalError
from kernel.log import configure_logging
from kernel.settings import Settings, SettingsError
from patients.documents import RESIDENT_ID, Document
from runtime.demo_clinic.hospital import plan_clinics
from runtime.demo_clinic.plan import Visit, plan_day
from runtime.demo_clinic.world import Session, Slot, World
from runtime.demo_hospital.load import ACTOR, OtherHospital, load_hospital

CLIENTS: Final = {"portal": "demo-city-portal", "kiosk": "demo-kiosk", "office": "demo-slot-office"}

_SESSIONS: Final = """
SELECT s.id::text AS schedule_id, s.practitioner_id::text, p.code AS practitioner_code, p.title,
       c.code AS clinic_code, s.department_id::text, s.room_id::text, s.service_type, s.period, s.starts_at, s.ends_at,
       c.sex_allowed AS sex, c.age_years_min AS age_min, c.age_years_max AS age_max, m.latitude, m.longitude
FROM schedule s JOIN practitioner p ON p.id = s.practitioner_id JOIN clinic c ON c.id = s.clinic_id
JOIN campus m ON m.id = s.campus_id
WHERE s.clinic_date = $1 ORDER BY p.code, s.starts_at
"""
_SLOTS: Final = """
SELECT t.schedule_id::text, t.id::text, t.starts_at, count(*) FILTER (WHERE e.pool = 'common') AS common,
       count(*) FILTER (WHERE e.pool = 'window') AS window
FROM slot t JOIN seat e ON e.slot_id = t.id JOIN schedule s ON s.id = t.schedule_id
WHERE s.clinic_date = $1 GROUP BY t.id ORDER BY t.starts_at
"""


async def load(settings: Settings, given: argparse.Namespace) -> None:
    """Load everything, and write down what there is.

    Raises:
        SettingsError: production never holds demonstration data.
        DatabaseUnavailable: it cannot be reached.
    """
    if settings.production:
        raise SettingsError("the day is played in a sandbox only")
    cipher = load_cipher(settings.keys_dir)
    await open_database(settings.database_url, max_size=2)
    try:
        plan = plan_clinics(doctors=given.doctors, visits=given.visits, day=given.day, seed=given.seed)
        await load_hospital(cipher, lambda _sentence: None, patients=0, plan=plan)
        await generate_schedules(first=given.day, last=given.day, actor=ACTOR)
        world = await _read_world(given.day)
        people = plan_day(world, visits=given.visits, seed=given.seed).everybody()
        async with database().transaction() as tx:
            await _load_people(tx, cipher, (one for one in people if not one.registers))
        for table in ("schedule", "slot", "seat", "schedule_release", "patient", "practitioner"):
            await database().execute(f"ANALYZE {table}")
        world.save(given.world)
    finally:
        await database().close()


async def _read_world(day: date) -> World:
    slots: dict[str, list[Slot]] = defaultdict(list)
    for row in await database().fetch(_SLOTS, day):
        slots[row["schedule_id"]].append(Slot(*row[1:]))
    rows = await database().fetch(_SESSIONS, day)
    return World(day, tuple(Session(**row, slots=tuple(slots[row["schedule_id"]])) for row in rows))


async def _load_people(tx: Transaction, cipher: FieldCipher, visits: Iterable[Visit]) -> None:
    """Register people as if the application that will book for them had done so; the HIS learns of them by that."""
    known = list(visits)
    await tx.copy(
        "patient",
        (
            "id", "name", "sex", "birth_date", "document_type", "document_cipher", "document_hash", "phone_cipher",
            "phone_hash",
        ),
        [
            (
                one.patient_id, one.person.name, one.person.sex, one.person.birth_date, RESIDENT_ID,
                cipher.seal(one.person.document_number),
                cipher.lookup_hash(Document(RESIDENT_ID, one.person.document_number).lookup_text),
                cipher.seal(one.person.phone), cipher.lookup_hash(one.person.phone),
            )
            for one in known
        ],
    )  # fmt: skip
    await tx.copy(
        "patient_access",
        ("client_id", "patient_id"),
        [(CLIENTS[one.app], one.patient_id) for one in known if one.app in CLIENTS],
    )


def main() -> int:
    """Load the day that the arguments describe."""
    parser = argparse.ArgumentParser(prog="python -m runtime.demo_clinic.load")
    for name in ("--doctors", "--visits", "--seed"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--day", type=date.fromisoformat, required=True)
    parser.add_argument("--world", type=Path, required=True)
    given = parser.parse_args()
    try:
        settings = Settings.from_environment()
        configure_logging("WARNING")
        asyncio.run(load(settings, given))
    except OtherHospital:
        print("the database holds another hospital; the day is played in an empty one", file=sys.stderr)
    except HospitalError as error:
        print(error.en, file=sys.stderr)
    except (SettingsError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
    except asyncpg.PostgresError as error:
        print(f"the database refused it: {error}", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
