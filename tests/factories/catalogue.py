"""Departments and practitioners with real names, for tests of the directory and of search."""

from uuid import UUID

from booking.catalogue.pinyin import spell_name, spell_text
from kernel.db import Database
from kernel.ids import new_id


async def add_department(
    db: Database, name_zh: str, name_en: str = "d", *, code: str | None = None, parent: UUID | None = None
) -> UUID:
    """Open a department."""
    department = new_id()
    await db.execute(
        "INSERT INTO department (id, code, name_zh, name_en, pinyin, initials, parent_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        department,
        code or str(department),
        name_zh,
        name_en,
        *spell_text(name_zh),
        parent,
    )
    return department


async def add_practitioner(
    db: Database, name: str, department: UUID, *, keywords: str = "", title: str = "chief", code: str | None = None
) -> UUID:
    """Employ a practitioner."""
    practitioner = new_id()
    await db.execute(
        "INSERT INTO practitioner (id, code, name, pinyin, initials, title, department_id, keywords)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        practitioner,
        code or str(practitioner),
        name,
        *spell_name(name),
        title,
        department,
        keywords,
    )
    return practitioner


async def add_campus(db: Database, code: str, *, latitude: float, longitude: float) -> UUID:
    """Open a campus."""
    campus = new_id()
    await db.execute("INSERT INTO campus VALUES ($1, $2, $2, $2, 'a', $3, $4)", campus, code, latitude, longitude)
    return campus


async def switch_off(db: Database, table: str, entry: UUID) -> None:
    """Take an entry out of use."""
    await db.execute(f"UPDATE {table} SET active = false WHERE id = $1", entry)
