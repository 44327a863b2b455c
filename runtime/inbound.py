"""`python -m runtime.inbound`: the platform's MLLP listener, where the core HIS tells what happened."""

import asyncio
import signal
import sys

from integration.his.adapters.hl7v2_listener import Hl7MllpListener
from integration.his.intake import Intake
from kernel.crypto import load_cipher
from kernel.db import DatabaseUnavailable, open_database
from kernel.log import configure_logging, get_logger
from kernel.redis import close_redis, open_redis
from kernel.settings import Settings, SettingsError
from runtime.his import build_profile
from runtime.ready import announce_ready
from runtime.subscriptions import build_subscriptions

DATABASE_CONNECTIONS_MAX = 10
PAUSE_SECONDS = 1.0

log = get_logger("runtime.inbound")


async def serve(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT; messages under way are answered first.

    Raises:
        SettingsError: HIS_INBOUND is not set.
    """
    if settings.his_inbound is None:
        raise SettingsError("HIS_INBOUND is not set: where shall the HIS reach us?")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    while True:
        try:
            db = await open_database(settings.database_url, max_size=DATABASE_CONNECTIONS_MAX)
            break
        except DatabaseUnavailable:
            log.warning("database_unavailable")
            if stopping.is_set():
                return
            await asyncio.sleep(PAUSE_SECONDS)
    if settings.redis_url:
        open_redis(settings.redis_url)
    intake = Intake(db, build_subscriptions(), cipher=load_cipher(settings.keys_dir))
    listener = Hl7MllpListener(intake=intake, profile=build_profile(settings))
    port = await listener.start(settings.his_inbound.host, settings.his_inbound.port)
    announce_ready(settings)
    log.info("his_inbound_serves", port=port)
    await stopping.wait()
    await listener.stop()
    await close_redis()
    await db.close()


def main() -> int:
    """Run the listener process."""
    try:
        settings = Settings.from_environment()
        configure_logging(settings.log_level)
        asyncio.run(serve(settings))
    except SettingsError as error:
        print(f"his-inbound: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
