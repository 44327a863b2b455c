"""The people of the demonstration's first account are named where a newcomer looks for them."""

from pathlib import Path

import pytest

from runtime.demo_hospital.access import invent_families

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_newcomer_finds_what_the_insurances_page_asks_for(name: str) -> None:
    told = (ROOT / name).read_text(encoding="utf-8")
    family, _ = invent_families()
    missing = [person.name for person, _ in family if f"{person.name} {person.document_number}" not in told]
    assert missing == []
