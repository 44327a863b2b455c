"""What stands in a production's application, and what in a sandbox's alone."""

from typing import Any

import pytest
from sanic import Sanic

from open_api.sign_in.application import mount_sign_in


def addresses(app: Sanic[Any, Any]) -> set[str]:
    return {f"/{route.path}" for route in app.router.routes_all.values()}


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_messages_are_shown_in_a_sandbox_alone(*, is_sandbox: bool) -> None:
    app: Sanic[Any, Any] = Sanic(f"sign-in-{is_sandbox}")
    mount_sign_in(app, is_sandbox=is_sandbox)
    assert ("/sandbox/messages" in addresses(app)) == is_sandbox
    assert {"/sign-in", "/staff/sign-in", "/account/sessions"} <= addresses(app)
