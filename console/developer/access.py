"""Who may see a page of the portal: a person who is signed in, a developer, one who has proved lately who they are."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from sanic.response import HTTPResponse

from oauth.sign_in.errors import StepUpNeeded
from oauth.sign_in.sessions import Session, require_step_up
from open_api.pages.browser import Browser, see_other
from partners.developer_applications import get_own
from partners.developers import Developer, find_developer
from partners.errors import DeveloperRequired

KEYS_PROOF_MAX: Final = timedelta(minutes=10)
"""So long ago at most somebody has proved who they are who sees to keys, or to who else may see to them."""


async def require_developer(browser: Browser) -> Developer:
    """Give the developer who is signed in.

    Raises:
        NotSignedIn, DeveloperRequired, DatabaseUnavailable.
    """
    session = browser.require_session("account")
    developer = await find_developer(session.subject.id)
    if developer is None:
        raise DeveloperRequired
    return developer


async def require_own(browser: Browser, application_id: UUID) -> tuple[Developer, dict[str, Any]]:
    """Give the developer who is signed in, and an application of their organisation.

    Raises:
        NotSignedIn, DeveloperRequired, ApplicationNotFound, DatabaseUnavailable.
    """
    developer = await require_developer(browser)
    return developer, await get_own(developer, application_id)


def require_fresh(browser: Browser) -> Session:
    """Check that whoever sees to keys has proved lately who they are.

    Raises:
        NotSignedIn, StepUpNeeded: the page is left for the sign-in, and comes back.
    """
    session = browser.require_session("account")
    require_step_up(session, acr="aal1", max_age=KEYS_PROOF_MAX)
    return session


def is_fresh(browser: Browser) -> bool:
    """Tell whether a form may be carried out, or its page has to ask first who is there."""
    try:
        require_fresh(browser)
    except StepUpNeeded:
        return False
    return True


def prove_again(path: str) -> HTTPResponse:
    """Lead whoever sent a form to prove once more who they are, and back to its page."""
    return see_other(f"/sign-in?continue={quote(path, safe='')}&again=1")
