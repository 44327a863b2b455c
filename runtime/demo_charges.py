"""Tell the embedded HIS what the demonstration families owe: `python -m runtime.demo_charges`. Sandbox only.

It runs when the HIS serves, and links the families with their charts there. Running it again changes nothing, but that
the stay is charged for the days since.
"""

import asyncio
import sys
from collections.abc import Sequence
from uuid import UUID

import httpx

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import database, open_database
from kernel.errors import HospitalError
from kernel.log import configure_logging
from kernel.settings import Settings, SettingsError
from patients.his import find_his_number, tell_patient
from runtime.demo_hospital.access import invent_families
from runtime.demo_hospital.charges import StationsOfHis
from runtime.demo_hospital.plan import stable_id


async def tell_charges(settings: Settings) -> None:
    """Tell the HIS the families' charges, and of the people whose record numbers are missing here.

    Raises:
        SettingsError: production, or no HIS to tell.
        DatabaseUnavailable: PostgreSQL cannot be reached.
        httpx.HTTPError: the HIS does not answer, or refuses.
    """
    if settings.production:
        raise SettingsError("the demonstration's charges are never told in production mode")
    if settings.his_http_url is None or settings.his_http_token is None:
        raise SettingsError("HIS_HTTP_URL and HIS_HTTP_TOKEN are not set: where is the HIS?")
    load_cipher(settings.keys_dir)
    await open_database(settings.database_url, max_size=1)
    try:
        people = [stable_id("patient", person.document_number) for family in invent_families() for person, _ in family]
        known = await database().fetchval("SELECT count(*) FROM patient WHERE id = ANY ($1)", people)
        if known < len(people):
            _say("the database holds another hospital; nothing is told")
            return
        stations = StationsOfHis(base_url=settings.his_http_url, token=settings.his_http_token)
        try:
            bills = await asyncio.to_thread(stations.tell, today=clock.today())
        finally:
            stations.close()
        told = await link_people(people)
    finally:
        await database().close()
    _say(f"{bills} bills and one stay at the HIS, {told} people told to it")


async def link_people(patient_ids: Sequence[UUID]) -> int:
    """Intend the messages by which the HIS's record numbers of people come; gives how many were missing."""
    told = 0
    async with database().transaction() as tx:
        for patient_id in patient_ids:
            if await find_his_number(tx, patient_id) is None:
                await tell_patient(tx, patient_id)
                told += 1
    return told


def _say(line: str) -> None:
    print(f"demo charges: {line}", flush=True)


def main() -> int:
    """Tell what is missing and say so."""
    try:
        settings = Settings.from_environment()
        configure_logging(settings.log_level)
        asyncio.run(tell_charges(settings))
    except (SettingsError, HospitalError, FileNotFoundError, httpx.HTTPError) as error:
        print(f"demo charges: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
