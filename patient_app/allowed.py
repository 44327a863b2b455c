"""What an account has allowed applications, and who used its members' data: read in plain words, taken back at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from kernel.db import DatabaseUnavailable, database
from oauth.grants import Grant, end_own_grant, list_grants
from oauth.id_tokens import OPENID
from open_api.calls import Reply, ok, page
from open_api.errors import InvalidCursor
from open_api.oauth.access_words import as_told, name_access, name_accessor, name_reason
from open_api.oauth.words import name_scope
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.sign_in.sessions import shown_time
from patient_app.calls import PatientCall
from patient_app.routing import MEMBER, NO_CONTENT, Routes
from patients.access_log import Access, list_accesses
from patients.consents import Consent, list_consents, withdraw_consent
from patients.errors import ConsentNotFound

routes = Routes("allowed")
_LIST: Final = "app.accesses"
CONSENTS_SHOWN_MAX: Final = 100


@routes.get("/account/consents", response="app/consent_list.json", errors=[DatabaseUnavailable])
async def list_account_consents(call: PatientCall) -> Reply:
    """List what the account, and others about its own holder, have allowed applications; what stands first."""
    found = await list_consents(database(), account_id=call.account_id)
    call.patient_ids += [one.patient_id for one in found]
    sign_ins = [one for one in await list_grants(database(), subject_id=call.account_id) if one.consent_id is None]
    standing = [_consent(one, call) for one in found if one.is_in_force]
    standing += [_sign_in(one, call.language) for one in sign_ins]
    ended = [_consent(one, call) for one in found if not one.is_in_force]
    return ok({"items": (standing + ended)[:CONSENTS_SHOWN_MAX]})


@routes.delete("/account/consents/<consent_id:uuid>", errors=[ConsentNotFound, DatabaseUnavailable])
async def withdraw_account_consent(call: PatientCall) -> Reply:
    """Take a consent back; the application can use nothing any more from then on."""
    await withdraw_consent(call.path["consent_id"], account_id=call.account_id, request_id=call.request_id)
    return Reply(None, NO_CONTENT)


@routes.delete("/account/application-sign-ins/<grant_id:uuid>", errors=[ConsentNotFound, DatabaseUnavailable])
async def end_application_sign_in(call: PatientCall) -> Reply:
    """End what an application knows by having had the person sign in with the hospital's account."""
    async with database().transaction() as tx:
        mine = await end_own_grant(tx, call.path["grant_id"], subject_id=call.account_id)
    if not mine:
        raise ConsentNotFound
    return Reply(None, NO_CONTENT)


@routes.get(
    f"{MEMBER}/accesses",
    query="app/access_query.json",
    response="app/access_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_member_accesses(call: PatientCall) -> Reply:
    """List who looked at or changed what of the person, the newest first; the account's own only where asked for."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await list_accesses(
        patient_id=call.patient_id,
        except_client_id=None if query.get("own", False) else call.actor.client_id,
        before=_position(query["cursor"]) if "cursor" in query else None,
        limit=limit + 1,
    )
    shown = found[:limit]
    return page([_access(one, call) for one in shown], next_cursor=_next(shown) if len(found) > limit else None)


def _consent(one: Consent, call: PatientCall) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": "consent",
        "application": one.application,
        "patient": one.patient,
        "may": _words(one.scopes, call.language),
        "given_at": one.given_at,
        "until": one.until,
        "ended_at": one.ended_at or (None if one.is_in_force else one.until),
        "is_by_other": one.account_id != call.account_id,
    }


def _sign_in(one: Grant, language: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": "sign_in",
        "application": one.application or one.client_id,
        "patient": None,
        "may": _words(sorted(one.scopes - {OPENID}) or [OPENID], language),
        "given_at": one.auth_time,
        "until": one.expires_at,
        "ended_at": None,
        "is_by_other": False,
    }


def _words(scopes: Sequence[str], language: str) -> list[str]:
    return [name_scope(scope, language) for scope in scopes]


def _access(one: Access, call: PatientCall) -> dict[str, Any]:
    language, one = call.language, as_told(one, call.account_id)
    since = shown_time(one.consented_at) if one.consented_at else ""
    return {
        "at": one.at,
        "action": one.action,
        "is_own": one.client_id == call.actor.client_id,
        "who": name_accessor(one, call.account_id, language),
        "what": name_access(one.operation, source=one.source, action=one.action, language=language),
        "why": name_reason(one, call.account_id, language, since=since),
    }


def _position(cursor: str) -> tuple[datetime, str, int]:
    at, source, entry_id = read_cursor(_LIST, cursor)
    return datetime.fromisoformat(str(at)), str(source), int(entry_id)


def _next(shown: Sequence[Access]) -> str:
    last = shown[-1]
    return write_cursor(_LIST, last.at.isoformat(), last.source, last.id)
