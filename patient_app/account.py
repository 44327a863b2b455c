"""The account itself, as the last tab shows it at a glance."""

from oauth.sign_in import sessions
from open_api.calls import Reply, ok
from patient_app.calls import PatientCall
from patient_app.routing import NO_CONTENT, Routes
from patients import account_views, agreements
from patients.agreements import PRIVACY
from patients.errors import AccountNotFound

routes = Routes("account")


@routes.get("/account", response="app/account.json", errors=[AccountNotFound])
async def get_account(call: PatientCall) -> Reply:
    """Read the account: its masked telephone, its default member, and how many of what it has."""
    account = await account_views.read_account(call.account_id)
    members = await account_views.list_members(call.account_id)
    default = next((one for one in members if one.is_default), None)
    agreed = await agreements.latest_agreement(call.account_id, PRIVACY)
    return ok(
        {
            "id": account.id,
            "phone": account.phone,
            "created_at": account.created_at,
            "default_member": default
            and {"patient_id": default.patient_id, "name": default.name, "relationship": default.relationship},
            "member_count": len(members),
            "session_count": len(await sessions.list_sessions(call.session.subject)),
            "privacy": agreed and {"version": agreed.version, "agreed_at": agreed.agreed_at},
        }
    )


@routes.put("/account/agreements/privacy", request="app/agreement_request.json")
async def agree_to_privacy(call: PatientCall) -> Reply:
    """Keep that the account agrees to a version of the privacy policy, as when there is a new one."""
    await agreements.agree(call.account_id, PRIVACY, call.body["version"])
    return Reply(None, NO_CONTENT)
