"""Changing the signing keys: at every step, whoever holds the key set of before or after can check every token."""

import os
from pathlib import Path

import pytest

from oauth import keys, tokens
from oauth.errors import InvalidToken
from runtime.keys import create_missing
from runtime.signing_keys import KEPT_SECONDS, PUBLISHED_SECONDS_MIN, rotate

NOW = 1_800_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_missing(tmp_path)
    keys.load_signing_keys(tmp_path)
    tokens.set_issuer("https://open.hospital.example")
    return tmp_path


def kids() -> set[str]:
    return {key["kid"] for key in keys.signing_keys().published()["keys"]}


def published_at(folder: Path, instant: float) -> None:
    for path in folder.glob("*.next.pem"):
        os.utime(path, (instant, instant))


def test_a_key_is_published_before_it_signs_and_after_it_has_signed(folder: Path) -> None:
    first_signs, first_set = keys.signing_keys().current.kid, kids()
    assert len(first_set) == 2
    token = tokens.issue("portal-app", frozenset())[0]

    rotate(folder, at=NOW)
    published_at(folder, NOW)
    assert keys.reload_if_changed()
    assert keys.signing_keys().current.kid == first_signs
    with_next = kids()
    assert len(with_next) == 4

    # Too early: nothing moves.
    rotate(folder, at=NOW + PUBLISHED_SECONDS_MIN - 5)
    assert not keys.reload_if_changed()

    rotate(folder, at=NOW + PUBLISHED_SECONDS_MIN + 1)
    assert keys.reload_if_changed()
    assert keys.signing_keys().current.kid != first_signs
    assert keys.signing_keys().current.kid in with_next
    assert kids() == with_next
    tokens.forget()
    assert tokens.verify(token).client_id == "portal-app"
    assert tokens.verify(tokens.issue("portal-app", frozenset())[0]).client_id == "portal-app"

    rotate(folder, at=NOW + PUBLISHED_SECONDS_MIN + 2 + KEPT_SECONDS)
    assert keys.reload_if_changed()
    assert first_signs not in kids()
    tokens.forget()
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_a_key_in_wrong_hands_ends_at_once(folder: Path) -> None:
    token = tokens.issue("portal-app", frozenset())[0]
    before = kids()
    rotate(folder, at=NOW, now_at_once=True)
    assert keys.reload_if_changed()
    tokens.forget()
    assert not kids() & before
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_each_kind_changes_by_itself_and_a_missing_one_is_made(folder: Path) -> None:
    (folder / "oauth_signing_rs256.pem").unlink()
    assert [step.said for step in rotate(folder, at=NOW) if step.name == "oauth_signing_rs256"] == ["made"]
    (folder / "oauth_signing.pem").unlink()
    with pytest.raises(FileNotFoundError):
        rotate(folder, at=NOW)


def test_files_of_a_change_are_their_owners_alone(folder: Path) -> None:
    rotate(folder, at=NOW)
    published_at(folder, NOW)
    rotate(folder, at=NOW + PUBLISHED_SECONDS_MIN + 1)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(list(folder.glob("*.until-*.pem"))) == 2


def test_a_file_that_is_no_key_leaves_the_known_ones(folder: Path) -> None:
    before = kids()
    (folder / "oauth_signing.next.pem").write_text("no key")
    assert not keys.reload_if_changed()
    assert kids() == before
