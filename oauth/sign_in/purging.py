"""What sign-in forgets by the clock."""

from kernel.db import Database
from oauth.sign_in.app_sessions import purge_app_tokens
from oauth.sign_in.passkeys import purge_challenges
from oauth.sign_in.phone_codes import purge_codes
from oauth.sign_in.questions import purge_questions
from oauth.sign_in.sessions import purge_sessions
from oauth.sign_in.throttle import purge_throttle
from oauth.sign_in.wechat import purge_tickets


async def purge_sign_in(db: Database) -> int:
    """Delete a batch of everything that has run out; gives how many."""
    gone = 0
    for purge in (
        purge_codes,
        purge_questions,
        purge_challenges,
        purge_sessions,
        purge_app_tokens,
        purge_tickets,
        purge_throttle,
    ):
        gone += await purge(db)
    return gone
