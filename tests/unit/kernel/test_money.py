import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import from_yuan, to_yuan


@given(st.integers(min_value=-(10**14) + 1, max_value=10**14 - 1))
def test_yuan_and_fen_are_exact_both_ways(amount_fen: int) -> None:
    assert from_yuan(to_yuan(amount_fen)) == amount_fen


@pytest.mark.parametrize(
    ("text", "fen"), [("0", 0), ("0.01", 1), ("0.1", 10), ("0.10", 10), ("1.05", 105), ("-2.50", -250), ("12", 1200)]
)
def test_amounts_in_yuan(text: str, fen: int) -> None:
    assert from_yuan(text) == fen


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "01", "1.005", "1e2", "1,000.00", "+1", " 1", "1\n", "NaN", "--1", "１.00", "9" * 13]
)
def test_what_is_no_amount_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        from_yuan(text)
