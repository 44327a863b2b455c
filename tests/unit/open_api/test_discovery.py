"""What the server says of itself to whoever asks: above all, whether real patients are behind it."""

import pytest

from oauth.sign_in import setup
from oauth.sign_in.setup import SignIn, configure_sign_in
from open_api.oauth.discovery import server_metadata
from patients.accounts import Accounts


@pytest.fixture
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process go on with what they have configured."""
    monkeypatch.setattr(setup, "_sign_in", None)


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.parametrize(("is_sandbox", "deployment"), [(True, "sandbox"), (False, "production")])
def test_a_deployment_says_which_it_is(*, is_sandbox: bool, deployment: str) -> None:
    configure_sign_in(SignIn("https://open.hospital.example", Accounts(), None, sandbox=is_sandbox))
    assert server_metadata()["deployment"] == deployment
