"""What a name may hold: every script that people write, and nothing that hides."""

import pytest

from schema.registry import validator

CHECK = validator("patients/registration.json")


def is_taken(name: str) -> bool:
    return bool(CHECK.is_valid({"name": name, "document": {"type": "PPN", "number": "E12345678"}}))


@pytest.mark.parametrize(
    "name", ["陈大文", "阿卜杜拉·买买提", "𠮷田𪚥", "e\u0301mile", "Ngũgĩ wa Thiong'o", "A|B^C~D\\E&F"]
)
def test_a_name_of_any_script_is_taken(name: str) -> None:
    assert is_taken(name)


@pytest.mark.parametrize("hidden", ["\u0000", "\u200b", "\u200f", "\u202e", "\u2066", "\ufeff", "\ufffd", "\u2028"])
def test_a_name_hides_nothing(hidden: str) -> None:
    assert not is_taken(f"陈{hidden}大文")
    assert not is_taken(hidden)
