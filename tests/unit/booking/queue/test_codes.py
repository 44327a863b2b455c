"""The code that a patient's phone shows for two minutes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from booking.queue import errors
from booking.queue.codes import CODE_CHARACTERS, LIFETIME, read_code, write_code
from kernel.crypto import load_cipher
from kernel.ids import new_id
from runtime.keys import create_missing

NOW = datetime(2026, 12, 1, 1, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path) -> None:
    create_missing(tmp_path)
    load_cipher(tmp_path)


def test_a_code_says_for_which_appointment_it_is() -> None:
    appointment = new_id()
    code, expires_at = write_code(appointment, at=NOW)
    assert len(code) == CODE_CHARACTERS
    assert NOW + LIFETIME - timedelta(seconds=1) < expires_at <= NOW + LIFETIME
    assert read_code(code, at=NOW) == appointment
    assert read_code(code, at=expires_at - timedelta(microseconds=1)) == appointment


def test_a_code_is_over_after_two_minutes() -> None:
    code, expires_at = write_code(new_id(), at=NOW)
    with pytest.raises(errors.CodeExpired):
        read_code(code, at=expires_at)


def test_every_altered_character_is_found() -> None:
    code, _ = write_code(new_id(), at=NOW)
    for place, character in enumerate(code):
        altered = code[:place] + ("A" if character != "A" else "B") + code[place + 1 :]
        with pytest.raises(errors.CodeInvalid):
            read_code(altered, at=NOW)


@pytest.mark.parametrize("code", ["", "A" * 48, "=" * 48, "é" * 48, "A" * 47 + "=", "!" * 48, "A" * 52])
def test_what_is_no_code_of_ours(code: str) -> None:
    with pytest.raises(errors.CodeInvalid):
        read_code(code, at=NOW)


def test_another_hospitals_code_is_none_of_ours(tmp_path: Path) -> None:
    code, _ = write_code(new_id(), at=NOW)
    create_missing(tmp_path / "other")
    load_cipher(tmp_path / "other")
    with pytest.raises(errors.CodeInvalid):
        read_code(code, at=NOW)
