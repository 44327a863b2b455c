"""Who asks, and for whom: the session of an access token, and whether its account may act for the path's person."""

from dataclasses import dataclass
from uuid import UUID

from oauth.sign_in.app_sessions import require_app_session
from oauth.sign_in.sessions import Session
from patients.accounts import require_member
from patients.errors import AccountNotFound, PatientNotFound

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Access:
    """What a request was let in by. patient_id: the person of its path, if there is one."""

    token: str | None
    session: Session
    patient_id: UUID | None

    async def require_still(self) -> None:
        """Ask again what was asked when it came in.

        Raises:
            NotSignedIn, PatientNotFound, DatabaseUnavailable.
        """
        await require_app_session(self.token)
        if self.patient_id is not None:
            await _require_own(self.session.subject.id, self.patient_id)


async def let_in(authorization: str | None, patient_id: UUID | None) -> Access:
    """Find out who asks, and that they may act for the person of the path.

    Raises:
        NotSignedIn: there is no live session.
        PatientNotFound: no such person, or none of this account's.
        DatabaseUnavailable.
    """
    token = authorization[len(_SCHEME) :] if authorization and authorization.lower().startswith(_SCHEME) else None
    session = await require_app_session(token)
    if patient_id is not None:
        await _require_own(session.subject.id, patient_id)
    return Access(token, session, patient_id)


async def _require_own(account_id: UUID, patient_id: UUID) -> None:
    try:
        await require_member(account_id, patient_id)
    except AccountNotFound as error:
        raise PatientNotFound from error
