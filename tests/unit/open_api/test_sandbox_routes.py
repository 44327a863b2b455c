"""What makes faults and tries calls stands in a sandbox alone, and does nothing where faults are not allowed."""

from typing import Any

import pytest
from sanic import Sanic

from console.developer.application import mount_developer
from console.developer.setup import Portal
from kernel.ids import new_id
from open_api.application import mount_open_api
from partners.sandbox.faults import BEFORE, allow_faults, strike
from partners.sandbox.service import NewFault, trigger_fault
from partners.sandbox.trials import issue_trial_token

APPLICATION = "/developer/applications/<application_id:uuid>"


def addresses(app: Sanic[Any, Any]) -> set[str]:
    return {f"/{route.path}" for route in app.router.routes_all.values()}


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_faults_are_served_by_a_sandbox_alone(*, is_sandbox: bool) -> None:
    app: Sanic[Any, Any] = Sanic(f"faults-{is_sandbox}")
    mount_open_api(app, is_sandbox=is_sandbox)
    found = {path for path in addresses(app) if "sandbox" in path}
    expected = {"/open/v1/sandbox/faults", "/open/v1/sandbox/faults/<fault_id:uuid>"}
    assert found == (expected if is_sandbox else set())
    assert "/open/v1/departments" in addresses(app)


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_the_portal_of_a_production_tries_nothing(*, is_sandbox: bool) -> None:
    app: Sanic[Any, Any] = Sanic(f"portal-{is_sandbox}")
    mount_developer(app, Portal(is_sandbox, "https://open.hospital.example", None, "partner"))
    pages = {f"{APPLICATION}/faults", f"{APPLICATION}/try", f"{APPLICATION}/try/token", "/developer/try_call.js"}
    assert addresses(app) & pages == (pages if is_sandbox else set())
    assert f"{APPLICATION}/keys" in addresses(app)


async def test_where_faults_are_not_allowed_nothing_can_be_done_with_them() -> None:
    allow_faults(allowed=False)
    with pytest.raises(AssertionError):
        await strike(None, [], BEFORE, name="book_appointment")  # type: ignore[arg-type]  # it asks no database
    with pytest.raises(AssertionError):
        await issue_trial_token("app", account_id=new_id())
    with pytest.raises(AssertionError):
        await trigger_fault(NewFault(kind="internal_error"), changing=False, stop_clinic=None, actor=None)  # type: ignore[arg-type]  # it comes to neither
