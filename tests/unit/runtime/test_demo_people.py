"""The people of the demonstration's accounts are families, and the first are named where a newcomer looks for them."""

from pathlib import Path

import pytest

from runtime.demo_hospital.access import BORN_BEFORE, invent_families
from runtime.demo_hospital.people import PatientSeed

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_newcomer_finds_what_the_insurances_page_asks_for(name: str) -> None:
    told = (ROOT / name).read_text(encoding="utf-8")
    family, _ = invent_families()
    missing = [person.name for person, _ in family if f"{person.name} {person.document_number}" not in told]
    assert missing == []


def age_of(person: PatientSeed) -> int:
    return (BORN_BEFORE - person.birth_date).days * 4 // (4 * 365 + 1)


def test_their_ages_are_those_of_families() -> None:
    ages = [[(age_of(person), relationship) for person, relationship in family] for family in invent_families()]
    assert ages == [[(40, "self"), (4, "child")], [(43, "self"), (45, "spouse"), (70, "parent")]]
