"""Finding a department or a practitioner by what a patient types: Chinese, pinyin, initials, or a disease."""

from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from booking.catalogue.queries import DEPARTMENT_COLUMNS, PRACTITIONER_COLUMNS, Department, Practitioner
from booking.catalogue.search_text import DEPARTMENT_TEXT, PRACTITIONER_TEXT, fits, query_forms, rank
from kernel.db import database

Match = Literal["exact", "prefix", "contains"]
Entry = TypeVar("Entry", Department, Practitioner)

_MATCHES: Final[tuple[Match, ...]] = ("exact", "prefix", "contains")

_PRACTITIONERS = f"""
WITH hit AS (
    SELECT p.id, min({rank(PRACTITIONER_TEXT, "f.q")}) AS rank
    FROM unnest($1::text[]) AS f (q) JOIN practitioner p ON {fits(PRACTITIONER_TEXT, "f.q")}
    GROUP BY p.id)
SELECT hit.rank, {PRACTITIONER_COLUMNS} FROM hit JOIN practitioner e ON e.id = hit.id
WHERE e.active ORDER BY hit.rank, e.pinyin, e.code LIMIT $2
"""  # noqa: S608  our own constants alone

# A department is found by its own names, and after those because somebody there treats what was typed.
_DEPARTMENTS = f"""
WITH hit AS (
    SELECT d.id, {rank(DEPARTMENT_TEXT, "f.q")} AS rank
    FROM unnest($1::text[]) AS f (q) JOIN department d ON {fits(DEPARTMENT_TEXT, "f.q")}
    UNION ALL
    SELECT p.department_id, 2
    FROM unnest($1::text[]) AS f (q) JOIN practitioner p ON {fits(PRACTITIONER_TEXT, "f.q")}
    WHERE p.active AND strpos(lower(p.keywords), f.q) > 0),
best AS (SELECT id, min(rank) AS rank FROM hit GROUP BY id)
SELECT best.rank, {DEPARTMENT_COLUMNS} FROM best JOIN department e ON e.id = best.id
WHERE e.active ORDER BY best.rank, e.code LIMIT $2
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
    rows = await database().fetch(_DEPARTMENTS, query_forms(text), limit)
    return [Hit(_MATCHES[row[0]], Department(*list(row)[1:])) for row in rows]


async def search_practitioners(text: str, *, limit: int) -> list[Hit[Practitioner]]:
    """Find practitioners, the best first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_PRACTITIONERS, query_forms(text), limit)
    return [Hit(_MATCHES[row[0]], Practitioner(*list(row)[1:])) for row in rows]
