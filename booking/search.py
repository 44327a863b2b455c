"""Finding a department or a practitioner by what a patient types: Chinese, pinyin, initials, or what troubles them."""

from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from booking.catalogue.everyday_words import find_everyday
from booking.catalogue.queries import DEPARTMENT_COLUMNS, PRACTITIONER_COLUMNS, Department, Practitioner
from booking.catalogue.search_text import DEPARTMENT_TEXT, PRACTITIONER_TEXT, Fit, fits, in_order, query_forms, rank
from kernel.db import database

Match = Literal["exact", "prefix", "contains"]
Entry = TypeVar("Entry", Department, Practitioner)

_MATCHES: Final[dict[Fit, Match]] = {Fit.WHOLE: "exact", Fit.EVERYDAY: "exact", Fit.BEGINNING: "prefix"}

_PRACTITIONERS = f"""
WITH hit AS (
    SELECT p.id, min({rank(PRACTITIONER_TEXT, "f.q")}) AS rank
    FROM unnest($1::text[]) AS f (q) JOIN practitioner p ON {fits(PRACTITIONER_TEXT, "f.q")}
    GROUP BY p.id)
SELECT hit.rank, {PRACTITIONER_COLUMNS} FROM hit JOIN practitioner e ON e.id = hit.id
WHERE e.active ORDER BY hit.rank, e.pinyin, e.code LIMIT $2
"""  # noqa: S608  our own constants alone

# A department is found by its own names, by everyday words ($3: codes, $4: fits, $5: places), because somebody there
# treats what was typed, and last by characters of its name ($6: a pattern).
_DEPARTMENTS = f"""
WITH hit AS (
    SELECT d.id, {rank(DEPARTMENT_TEXT, "f.q")} AS rank, 0 AS place
    FROM unnest($1::text[]) AS f (q) JOIN department d ON {fits(DEPARTMENT_TEXT, "f.q")}
    UNION ALL
    SELECT d.id, w.rank, w.place
    FROM unnest($3::text[], $4::int[], $5::int[]) AS w (code, rank, place) JOIN department d ON d.code = w.code
    UNION ALL
    SELECT p.department_id, {Fit.TREATED:d}, 0
    FROM unnest($1::text[]) AS f (q) JOIN practitioner p ON {fits(PRACTITIONER_TEXT, "f.q")}
    WHERE p.active AND strpos(lower(p.keywords), f.q) > 0
    UNION ALL
    SELECT d.id, {Fit.IN_ORDER:d}, 0 FROM department d WHERE d.name_zh LIKE $6),
best AS (SELECT DISTINCT ON (id) id, rank, place FROM hit ORDER BY id, rank, place)
SELECT best.rank, {DEPARTMENT_COLUMNS} FROM best JOIN department e ON e.id = best.id
WHERE e.active ORDER BY best.rank, best.place, e.code LIMIT $2
"""  # noqa: S608  our own constants alone


@dataclass(frozen=True, slots=True)
class Hit(Generic[Entry]):
    """An entry that was found, and how well it fits."""

    match: Match
    entry: Entry


async def search_departments(text: str, *, limit: int) -> list[Hit[Department]]:
    """Find departments, the best first.

    Raises:
        DatabaseUnavailable.
    """
    typed = " ".join(text.lower().split())
    everyday = find_everyday(typed)
    rows = await database().fetch(
        _DEPARTMENTS,
        query_forms(text),
        limit,
        [one.code for one in everyday],
        [Fit.EVERYDAY if one.is_whole else Fit.EVERYDAY_PART for one in everyday],
        [one.place for one in everyday],
        in_order(typed),
    )
    return [Hit(_MATCHES.get(row[0], "contains"), Department(*list(row)[1:])) for row in rows]


async def search_practitioners(text: str, *, limit: int) -> list[Hit[Practitioner]]:
    """Find practitioners, the best first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_PRACTITIONERS, query_forms(text), limit)
    return [Hit(_MATCHES.get(row[0], "contains"), Practitioner(*list(row)[1:])) for row in rows]
