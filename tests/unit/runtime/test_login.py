"""Who is at the terminal."""

import getpass

import pytest

from runtime.login import login_name


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_named_by_number(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 10001)
    assert login_name() == "uid-10001"
