"""How many codes the whole hospital sends to telephones in a day, whoever asks: each costs money, or annoys somebody.

Limits per number and per address do not hold whoever has very many of both. The last fifth is kept for people at an
address where they have signed in before: who uses the day up from elsewhere does not shut them out too.
"""

from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database
from kernel.metrics import Gauge
from oauth.sign_in import throttle
from oauth.sign_in.errors import MessageNotSent, TooManyAttempts
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Visit
from oauth.sign_in.throttle import Limit

DAY: Final = timedelta(days=1)
NAME: Final = "codes-of-the-day"
WHOSE: Final = "hospital"
STRANGERS_SHARE: Final = (4, 5)
RECENTLY: Final = timedelta(minutes=5)
EVENTS_LOOKED_AT_MAX: Final = 10_000

COUNTED: Final = Gauge("sign_in_codes_of_the_day", "Codes that went to telephones since the day's count began.")
RECENT: Final = Gauge("sign_in_recent_codes", "Codes of the last five minutes, by what came of them.", ["outcome"])


async def take_one_of_the_day(visit: Visit, *, is_known: bool) -> None:
    """Count a code against the day of the whole hospital. is_known: this number has signed in from this address before.

    Raises:
        MessageNotSent: the day is used up, for everybody or for strangers.
        DatabaseUnavailable.
    """
    most = sign_in().codes_per_day
    part, whole = STRANGERS_SHARE
    limit = Limit(NAME, most if is_known else max(1, most * part // whole), DAY)
    try:
        await throttle.take(limit, WHOSE)
    except TooManyAttempts:
        await throttle.note_refusal("held_back", visit, method="phone_code")
        # Nobody is told that they asked too often: it was others.
        raise MessageNotSent from None


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    RECENT.clear()
    COUNTED.set(float("nan"))


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.now()
    counted = await db.fetchval(
        "SELECT count FROM sign_in_throttle WHERE key = $1 AND ends_at > $2",
        cipher().lookup_hash(f"throttle\n{NAME}\n{WHOSE}"),
        now,
    )
    COUNTED.set(counted or 0)
    recent = await db.fetch(
        # By the primary key: the events of years have no index by time.
        "SELECT kind, count(*) FROM (SELECT kind, at FROM sign_in_event ORDER BY id DESC LIMIT $2) newest"
        " WHERE at > $1 AND kind IN ('code_sent', 'code_not_sent') GROUP BY 1",
        now - RECENTLY,
        EVENTS_LOOKED_AT_MAX,
    )
    RECENT.clear()
    for kind, number in recent:
        RECENT.labels(kind).set(number)
