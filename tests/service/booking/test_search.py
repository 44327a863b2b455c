"""What a patient types finds the department and the doctor, the best first."""

import pytest

from booking.search import search_departments, search_practitioners
from kernel.db import Database
from tests.factories.catalogue import add_department, add_practitioner, switch_off


@pytest.fixture
async def hospital(database: Database) -> Database:
    inner = await add_department(database, "内科", "Internal Medicine", code="03")
    lungs = await add_department(database, "呼吸内科", "Respiratory Medicine", code="03.01", parent=inner)
    glands = await add_department(database, "内分泌", "Endocrinology", code="03.07", parent=inner)
    await add_practitioner(database, "曾小明", lungs, keywords="咳嗽 哮喘 肺结节")
    await add_practitioner(database, "曾小", glands, keywords="糖尿病 甲状腺结节")
    await add_practitioner(database, "陈曾", glands, keywords="痛风 糖尿病足")
    await add_practitioner(database, "吕布", lungs, keywords="慢阻肺")
    return database


async def practitioners(text: str, limit: int = 10) -> list[tuple[str, str]]:
    return [(hit.entry.name, hit.match) for hit in await search_practitioners(text, limit=limit)]


async def departments(text: str, limit: int = 10) -> list[tuple[str, str]]:
    return [(hit.entry.name_zh, hit.match) for hit in await search_departments(text, limit=limit)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("曾小", [("曾小", "exact"), ("曾小明", "prefix")]),
        ("曾", [("曾小", "prefix"), ("曾小明", "prefix"), ("陈曾", "contains")]),
        ("zengxiaoming", [("曾小明", "exact")]),
        ("Zeng Xiaoming", [("曾小明", "exact")]),
        ("zengx", [("曾小", "prefix"), ("曾小明", "prefix")]),
        ("zx", [("曾小", "exact"), ("曾小明", "prefix")]),
        ("cc", [("陈曾", "exact")]),
        ("lübu", [("吕布", "exact")]),
        ("Lyu Bu", [("吕布", "exact")]),
        ("糖尿病", [("曾小", "exact"), ("陈曾", "prefix")]),
        ("结节", [("曾小", "contains"), ("曾小明", "contains")]),
        ("阻", [("吕布", "contains")]),
        ("阿司匹林", []),
        ("%", []),
        ("_", []),
        ("' OR 1=1 --", []),
    ],
)
async def test_practitioners_are_found(hospital: Database, text: str, found: list[tuple[str, str]]) -> None:
    assert await practitioners(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("内科", [("内科", "exact"), ("呼吸内科", "contains")]),
        ("内", [("内科", "prefix"), ("内分泌", "prefix"), ("呼吸内科", "contains")]),
        ("hxnk", [("呼吸内科", "exact")]),
        ("hu xi nei ke", [("呼吸内科", "exact")]),
        ("respiratory  MEDICINE", [("呼吸内科", "exact")]),
        ("endo", [("内分泌", "prefix")]),
        ("糖尿病", [("内分泌", "exact")]),
        ("甲状腺结节", [("内分泌", "contains")]),
        ("呼内", [("呼吸内科", "contains")]),
        ("曾小明", []),
    ],
)
async def test_departments_are_found(hospital: Database, text: str, found: list[tuple[str, str]]) -> None:
    assert await departments(text) == found


async def test_what_is_switched_off_is_not_found(hospital: Database) -> None:
    for table in ("practitioner", "department"):
        for row in await hospital.fetch(f"SELECT id FROM {table}"):
            await switch_off(hospital, table, row["id"])
    assert await practitioners("曾") == []
    assert await departments("糖尿病") == []


async def test_an_answer_is_bounded(hospital: Database) -> None:
    assert await practitioners("曾", limit=2) == [("曾小", "prefix"), ("曾小明", "prefix")]
    assert await departments("内", limit=1) == [("内科", "prefix")]


async def test_an_index_serves_texts_of_one_character_and_more(hospital: Database) -> None:
    department = await hospital.fetchval("SELECT id FROM department LIMIT 1")
    for number in range(300):
        await add_practitioner(hospital, f"李{number}", department, keywords="感冒")
    await hospital.execute("ANALYZE practitioner")
    for text in ("曾", "曾小", "糖尿病", "z"):
        plan = await hospital.fetch(
            "EXPLAIN SELECT id FROM practitioner p WHERE"
            " search_grams(lower(p.name || ' ' || p.pinyin || ' ' || p.initials || ' ' || p.keywords))"
            f" @> search_grams('{text}')"
        )
        assert "Bitmap Index Scan on practitioner_search" in "\n".join(row[0] for row in plan)
