"""Whom a patient's everyday words find in the demonstration hospital, and whom first."""

import json
import re
from pathlib import Path

import pytest

from booking.catalogue.everyday_words import WORDS, read_words
from booking.search import search_departments
from kernel.db import Database
from runtime.demo_hospital.places import DEPARTMENTS
from runtime.demo_hospital.plan import plan_hospital

LOCALES = Path(__file__).resolve().parents[3] / "patient_app/miniprogram/src/locale"


@pytest.fixture
async def demonstration(database: Database) -> Database:
    plan = plan_hospital()
    for table in ("department", "practitioner"):
        columns, rows = plan.columns[table], plan.rows[table]
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        for row in rows:
            await database.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", *row)
    return database


async def departments(text: str) -> list[str]:
    return [hit.entry.name_zh for hit in await search_departments(text, limit=20)]


def hinted() -> list[str]:
    """What the screen itself proposes to type where nothing was found."""
    texts = [
        json.loads((LOCALES / lang / "booking.json").read_text("utf-8"))["nothing_found_text"] for lang in ("zh", "en")
    ]
    return [word for text in texts for word in re.findall("“(.+?)”", text)]


def test_the_screen_proposes_examples_in_both_languages() -> None:
    assert len([word for word in hinted() if word.isascii()]) >= 2
    assert len([word for word in hinted() if not word.isascii()]) >= 2


@pytest.mark.parametrize("word", hinted())
async def test_what_the_screen_proposes_finds_something(demonstration: Database, word: str) -> None:
    assert await departments(word)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("心内科", "心血管内科"),
        ("心脏科", "心血管内科"),
        ("心脏", "心血管内科"),
        ("心脏病", "心血管内科"),
        ("心外科", "心脏大血管外科"),
        ("肾内科", "肾病学"),
        ("胸闷", "心血管内科"),
        ("我胸闷怎么办", "心血管内科"),
        ("心口痛", "心血管内科"),
        ("半身不遂", "神经内科"),
        ("夜尿多", "泌尿外科"),
        ("耳背", "耳鼻咽喉科"),
        ("头痛", "神经内科"),
        ("小孩发烧", "儿科"),
        ("牙科", "口腔科"),
        ("消化科", "消化内科"),
        ("heart", "心血管内科"),
        ("Heart Disease", "心血管内科"),
        ("headache", "神经内科"),
        ("a bad headache", "神经内科"),
        ("heada", "神经内科"),
    ],
)
async def test_everyday_words_find_the_department_that_sees_it_first(
    demonstration: Database, text: str, first: str
) -> None:
    assert (await departments(text))[0] == first


async def test_surgery_comes_after_the_physicians_for_a_complaint(demonstration: Database) -> None:
    found = await departments("心脏病")
    assert found[:2] == ["心血管内科", "心脏大血管外科"]


async def test_characters_of_a_name_in_their_order_find_it_after_all_else(demonstration: Database) -> None:
    assert await departments("心管科") == ["心血管内科", "心脏大血管外科"]
    assert await departments("科管心") == []
    found = await departments("外科")
    assert found[0] == "外科"
    assert "心脏大血管外科" in found
    assert await departments("心%科") == []


def test_every_word_leads_to_departments_that_the_demonstration_has() -> None:
    codes = {one.code for one in DEPARTMENTS if one.campuses}
    assert {code for named in WORDS.values() for code in named} <= codes


@pytest.mark.parametrize("table", ['"02" = ["咳嗽"]\n"03" = ["咳嗽"]', '"02" = ["Flu"]', '"02" = ["two  words"]'])
def test_a_word_that_stands_twice_or_cannot_be_typed_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match="stands twice"):
        read_words(table)
