"""What an account asks of the hospital: a copy of its data, and that it be deleted."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from kernel.db import DatabaseUnavailable
from oauth.sign_in.errors import StepUpNeeded, TooManyAttempts
from oauth.sign_in.sessions import require_step_up
from open_api.calls import Reply, created, ok
from patient_app.calls import PatientCall
from patient_app.routing import NO_CONTENT, PREFIX, Routes
from patients.errors import AccountInUse, AccountNotFound, DeletionNotFound, ExportNotFound, TooManyExports
from patients.rights import deletions, exports
from patients.rights.exports import Export

routes = Routes("account rights")
FRESH: Final = timedelta(minutes=10)
"""A phone that was left lying open gives neither a copy away nor the account up."""


@routes.get("/account/exports", response="app/account_export_list.json", errors=[DatabaseUnavailable])
async def list_account_exports(call: PatientCall) -> Reply:
    """List the copies of its data that the account has asked for, the newest first."""
    return ok({"items": [_export(one) for one in await exports.list_exports(call.account_id)]})


@routes.post(
    "/account/exports",
    response="app/account_export.json",
    errors=[StepUpNeeded, TooManyExports, DatabaseUnavailable],
    status=201,
)
async def request_account_export(call: PatientCall) -> Reply:
    """Ask for a copy of the account's data; it is ready in a minute, and there for a week."""
    require_step_up(call.session, acr="aal1", max_age=FRESH)
    made = await exports.request_export(call.account_id, request_id=call.request_id)
    return created(_export(made), location=f"{PREFIX}/account/exports/{made.id}/file")


@routes.get(
    "/account/exports/<export_id:uuid>/file",
    response="app/account_export_file.json",
    errors=[ExportNotFound, StepUpNeeded, DatabaseUnavailable],
)
async def get_account_export_file(call: PatientCall) -> Reply:
    """Read a copy: an index in both languages, and the data by its parts."""
    require_step_up(call.session, acr="aal1", max_age=FRESH)
    content = await exports.read_export(call.path["export_id"], account_id=call.account_id, request_id=call.request_id)
    return ok(content)


@routes.get("/account/deletion", response="app/account_deletion.json", errors=[DatabaseUnavailable])
async def get_account_deletion(call: PatientCall) -> Reply:
    """Read whether the account is about to be deleted, and what would stand in the way."""
    return ok(await _deletion(call))


@routes.post(
    "/account/deletion",
    response="app/account_deletion.json",
    errors=[AccountInUse, AccountNotFound, StepUpNeeded, TooManyAttempts, DatabaseUnavailable],
)
async def request_account_deletion(call: PatientCall) -> Reply:
    """Ask that the account be deleted; it works as before for fifteen days, in which that can be taken back."""
    require_step_up(call.session, acr="aal1", max_age=FRESH)
    await deletions.request_deletion(call.account_id, request_id=call.request_id)
    return ok(await _deletion(call))


@routes.delete("/account/deletion", errors=[DeletionNotFound, DatabaseUnavailable])
async def withdraw_account_deletion(call: PatientCall) -> Reply:
    """Take the deletion back."""
    await deletions.withdraw_deletion(call.account_id, request_id=call.request_id)
    return Reply(None, NO_CONTENT)


def _export(one: Export) -> dict[str, Any]:
    return asdict(one)


async def _deletion(call: PatientCall) -> dict[str, Any]:
    under_way, obstacles = await deletions.read_deletion(call.account_id)
    return {
        "deletion": under_way and asdict(under_way),
        "cooling_days": deletions.COOLING.days,
        "obstacles": [asdict(one) for one in obstacles],
    }
