"""What the authorization server forgets by the clock: everything that has ended, once nobody can show it."""

from kernel import clock
from kernel.db import Database
from oauth.attempts import purge_attempts
from oauth.grants import purge_grants
from oauth.interactions import purge_interactions
from oauth.par import purge_pushed_requests
from oauth.revocation import purge_revocations
from oauth.single_use import purge_identifiers


async def purge_expired(db: Database) -> int:
    """Forget a batch of each kind; give how many there were.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.now()
    gone = await purge_identifiers(db, before=now)
    gone += await purge_revocations(db, before=now)
    gone += await purge_attempts(db, before=now)
    gone += await purge_pushed_requests(db, before=now)
    gone += await purge_interactions(db, before=now)
    return gone + await purge_grants(db, before=now)
