"""New passwords: long, of many characters, not well known, not one's own name."""

import asyncio

import pytest

from kernel.errors import Unavailable
from oauth.sign_in import passwords
from oauth.sign_in.errors import WeakPassword
from oauth.sign_in.passwords import hash_password, password_fits, require_strong_password


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("", "length"),
        ("elevenchars", "length"),
        ("x" * 129, "length"),
        ("aaaaaaaaaaaa", "repetitive"),
        ("121212121212", "repetitive"),
        ("passwordpassword", "common"),
        ("P@ssw0rd123456!", "common"),
        ("PASSWORD-2026-11", "common"),
        ("qwertyuiop[]", "common"),
        ("1234567890123", "common"),
        ("abcdefghijklm", "common"),
        ("zebra1zebra1zebra1", "common"),
        ("woaini1314520", "common"),
        ("hospital202611", "common"),
        ("S0417-abc-S0417", "personal"),
        ("s0417s0417abc", "personal"),
    ],
)
def test_weak_passwords_are_refused(password: str, rule: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        require_strong_password(password, about=("S0417", "王芳"))
    assert refused.value.details == {"rule": rule}


@pytest.mark.parametrize(
    "password", ["lantern orbit walnut", "kT9#vq2Lm!xZ", "早上七点骑车去天河上班的人", "x" * 5 + "lantern walnut" * 8]
)
def test_good_passwords_are_taken(password: str) -> None:
    require_strong_password(password, about=("S0417", "王芳"))


async def test_a_password_fits_however_the_keyboard_composes_it() -> None:
    kept = await hash_password("cafe\u0301 lantern walnut")
    assert await password_fits(kept, "caf\u00e9 lantern walnut")
    assert not await password_fits(kept, "cafe lantern walnut")


async def test_where_none_is_kept_nothing_fits() -> None:
    assert not await password_fits(None, "nobody's password")
    assert not await password_fits("no hash at all", "x")


async def test_a_queue_that_is_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 2)
    kept = await hash_password("lantern orbit walnut")
    outcomes = await asyncio.gather(
        *(password_fits(kept, "lantern orbit walnut") for _ in range(5)), return_exceptions=True
    )
    assert [one for one in outcomes if one is True] == [True, True]
    assert sum(isinstance(one, Unavailable) for one in outcomes) == 3
