"""Load the demonstration hospital: `python -m runtime.demo_data`. Sandbox only.

Running it again loads nothing twice; it makes the schedules that are missing for today and the fourteen days after,
registers the accounts with payment channels that are missing, and gives kinds of messages their templates.
"""

import asyncio
import sys

import asyncpg

from kernel.crypto import load_cipher
from kernel.db import database, open_database
from kernel.errors import HospitalError
from kernel.log import configure_logging
from kernel.settings import Settings, SettingsError
from runtime.demo_hospital.load import ACTOR, OtherHospital, extend_schedules, load_hospital
from runtime.demo_hospital.merchants import load_merchants
from runtime.demo_hospital.messages import load_message_templates, load_short_message_templates


def _say(line: str) -> None:
    print(f"demo data: {line}", flush=True)


async def load(settings: Settings) -> None:
    """Load and extend the demonstration hospital of a sandbox database.

    Raises:
        SettingsError: production never holds demonstration data.
        OtherHospital: another hospital's data stand in the database.
        DatabaseUnavailable: it cannot be reached.
    """
    if settings.production:
        raise SettingsError("the demonstration hospital is never loaded in production mode")
    cipher = load_cipher(settings.keys_dir)
    await open_database(settings.database_url, max_size=2)
    try:
        loaded = await load_hospital(cipher, _say)
        report = await extend_schedules(_say)
        if accounts := await load_merchants(settings.keys_dir, actor=ACTOR):
            _say(f"accounts with payment channels: {', '.join(accounts)}")
        if templates := await load_message_templates(actor=ACTOR):
            _say(f"templates of WeChat for {templates} kinds of messages")
        texts = 0 if settings.sms is None else await load_short_message_templates(actor=ACTOR)
        if texts:
            _say(f"templates of short messages for {texts} kinds")
        if not loaded and not report.schedules_created and not accounts and not templates and not texts:
            _say("nothing to do")
    finally:
        await database().close()


def main() -> int:
    """Load what is missing and say so."""
    try:
        settings = Settings.from_environment()
        configure_logging(settings.log_level)
        asyncio.run(load(settings))
    except OtherHospital:
        _say("the database holds another hospital; it is left alone")
    except HospitalError as error:
        print(f"demo data: {error.en}", file=sys.stderr)
        return 1
    except (SettingsError, OSError, ValueError) as error:
        print(f"demo data: {error}", file=sys.stderr)
        return 1
    except asyncpg.PostgresError as error:
        print(f"demo data: the database refused it: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
