"""One name however it is typed, and two names however alike they look."""

import pytest

from patients.names import clean_name, is_same_name


@pytest.mark.parametrize("dot", ["\u00b7", "\u2022", "\u2027", "\u2219", "\u22c5", "\u30fb", "\uff65"])
def test_every_keyboards_middle_dot_is_one(dot: str) -> None:
    assert clean_name(f"阿卜杜拉{dot}买买提") == "阿卜杜拉\u00b7买买提"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  张  三\u3000", "张 三"),
        ("e\u0301mile", "émile"),
        ("𠮷田𪚥", "𠮷田𪚥"),
        ("张\u200b三", "张三"),
        ("\u202e张三\ufeff", "张三"),
        ("\u200b", ""),
        ("O'Brien-Li", "O'Brien-Li"),
    ],
)
def test_a_name_is_kept_in_one_spelling(typed: str, kept: str) -> None:
    assert clean_name(typed) == kept


def test_names_are_compared_as_people_read_them() -> None:
    assert is_same_name("JOHN  SMITH", "John Smith")
    assert not is_same_name("𠮷田", "吉田")
    assert not is_same_name("张三", "张三丰")
