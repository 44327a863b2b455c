from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from kernel.crypto import FieldCipher

OLD, NEW, LOOKUP = "11" * 32, "22" * 32, "33" * 32


def keys(folder: Path, **files: str) -> FieldCipher:
    for name, text in {"lookup_key": LOOKUP, **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return FieldCipher.from_directory(folder)


@given(st.text())
def test_a_sealed_field_opens_again_and_hides_its_text(text: str) -> None:
    cipher = FieldCipher(1, {1: AESGCM(bytes(32))}, bytes(32))
    sealed = cipher.seal(text)

    assert cipher.open(sealed) == text
    assert len(text) < 4 or text.encode() not in sealed


def test_the_same_text_is_never_sealed_the_same_way_twice(tmp_path: Path) -> None:
    cipher = keys(tmp_path, field_key=OLD)

    assert len({cipher.seal("440101199001011234") for _ in range(100)}) == 100


def test_after_a_change_of_keys_old_fields_open_and_new_ones_use_the_new_key(tmp_path: Path) -> None:
    before = keys(tmp_path, field_key=OLD)
    sealed_before = before.seal("old")
    after = keys(tmp_path, field_key=f"2:{NEW}", field_key__1=OLD)
    sealed_after = after.seal("new")

    assert (sealed_before[0], sealed_after[0]) == (1, 2)
    assert after.open(sealed_before) == "old"
    assert after.open(sealed_after) == "new"
    with pytest.raises(KeyError):
        before.open(sealed_after)


def test_look_up_survives_a_change_of_field_keys(tmp_path: Path) -> None:
    before = keys(tmp_path, field_key=OLD).lookup_hash("CN-ID\n1")
    after = keys(tmp_path, field_key=f"2:{NEW}", field_key__1=OLD).lookup_hash("CN-ID\n1")

    assert before == after
    assert len(before) == 32


def test_an_altered_field_does_not_open(tmp_path: Path) -> None:
    cipher = keys(tmp_path, field_key=OLD)
    sealed = cipher.seal("440101199001011234")

    for place in range(1, len(sealed)):
        altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(InvalidTag):
            cipher.open(altered)


def test_another_hospitals_keys_open_nothing_and_hash_otherwise(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    cipher = keys(ours, field_key=OLD)
    other = keys(theirs, field_key=NEW, lookup_key="44" * 32)

    with pytest.raises(InvalidTag):
        other.open(cipher.seal("x"))
    assert cipher.lookup_hash("x") != other.lookup_hash("x")
    assert cipher.short_hash(b"x") != other.short_hash(b"x")


@pytest.mark.parametrize("text", ["", "11" * 31, "11" * 33, "zz" * 32, "1:" + "11" * 16])
def test_a_damaged_key_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the length's or the digits' own text
        keys(tmp_path, field_key=text)


def test_a_missing_key_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "lookup_key").write_text(LOOKUP)
    with pytest.raises(FileNotFoundError):
        FieldCipher.from_directory(tmp_path)
