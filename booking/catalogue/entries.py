"""Keeping the entries of the catalogue: list, read, create, change, switch off, remove; the same for every kind.

What is particular to a kind (its references, its rules, what follows from a change) stands in `kinds.py`. Every
change happens in one transaction with its row in the change log and everything that follows from it, so a refused
one leaves nothing behind. Entries that others refer to are locked in share while that is written, and for update
while they are switched off: nobody can refer to what is going away.

Values are given and returned as JSON has them (ids, dates and times as text), which is also how they are logged.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID

import asyncpg
from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from booking.catalogue import errors
from booking.models import WallTimeField
from kernel import clock
from kernel.audit import record_change
from kernel.db import Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names an entry of another kind, which must be there and in use."""

    field: str
    table: str
    key: str = "id"


@dataclass(frozen=True, slots=True)
class Use:
    """Rows that need an entry: while there is one, the entry cannot be switched off.

    rows: table and condition, with the entry's key as $1 and, where it counts, the present instant as $2.
    """

    by: str
    rows: str


async def _nothing_more(_tx: Transaction, _values: Values) -> None:
    """Ask nothing beyond what holds for every kind."""


async def _nothing_follows(_tx: Transaction, _before: Values | None, _after: Values | None) -> None:
    """Let the change stand for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of entry.

    fixed:    fields that stay as they were when the entry was created.
    unique:   database constraint -> the field to name when it refuses, beside the code.
    derive:   the fields that are made from others, such as pinyin.
    require:  rules across fields, asked of the entry as it would become.
    retire:   rules asked before an entry is switched off or removed, beyond `uses`.
    follow:   what else changes with it, given before and after (None: not there).
    """

    entity: str
    model: type[Model]
    fixed: frozenset[str] = frozenset()
    references: Sequence[Reference] = ()
    uses: Sequence[Use] = ()
    unique: Mapping[str, str] = field(default_factory=dict)
    derive: Callable[[Values], Values] = lambda _values: {}
    require: Callable[[Transaction, Values], Awaitable[None]] = _nothing_more
    retire: Callable[[Transaction, Values], Awaitable[None]] = _nothing_more
    follow: Callable[[Transaction, Values | None, Values | None], Awaitable[None]] = _nothing_follows

    @property
    def key(self) -> str:
        """The field that names an entry: its id, code or date."""
        return self.model._meta.pk_attr  # noqa: SLF001  the ORM's own name for its public description


async def list_entries(kind: Kind, *, filters: Values, after: str | None, limit: int) -> list[Values]:
    """List entries in the order of their keys; `after` is the key of the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    conditions = _typed(kind, filters)
    if after is not None:
        conditions[f"{kind.key}__gt"] = _typed(kind, {kind.key: after})[kind.key]
    async with database().transaction():
        rows = await kind.model.filter(**conditions).order_by(kind.key).limit(limit)
    return [plain(_values(kind, row)) for row in rows]


async def get_entry(kind: Kind, key: UUID | date | str) -> Values:
    """Read one entry.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    async with database().transaction():
        row = await kind.model.filter(**{kind.key: key}).get_or_none()
    if row is None:
        raise errors.EntryNotFound(entity=kind.entity)
    return plain(_values(kind, row))


async def create_entry(kind: Kind, given: Values, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Add an entry.

    Raises:
        ReferenceUnknown, ReferenceMismatch, ValueNotAllowed, QuotaInvalid, DayPast: the kind's rules say no.
        Duplicate, ScheduleClash: it stands already, or where another one does.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        values = _typed(kind, given)
        values |= kind.derive(values)
        row = kind.model(**values)
        after = _values(kind, row)
        await _require_references(tx, after, kind.references)
        await kind.require(tx, after)
        try:
            await row.save(force_create=True)
        except IntegrityError as error:
            raise _refusal(kind, error) from error
        answer = await _written(tx, kind, "created", None, after, actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def change_entry(
    kind: Kind,
    key: UUID | date | str,
    changes: Values,
    *,
    version: int,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Change fields of an entry that nobody has changed since the caller read it; the same values change nothing.

    Raises:
        NothingToChange, FieldNotChangeable: no field is named, or one that is fixed.
        EntryNotFound, VersionConflict: it is not there, or not as the caller believes.
        InUse, EssentialEntry: it cannot be switched off.
        And as create_entry.
    """
    if not changes:
        raise errors.NothingToChange
    if fixed := kind.fixed & changes.keys():
        raise errors.FieldNotChangeable(field=min(fixed))
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _locked(kind, key, version)
        after = before | _typed(kind, changes)
        after |= kind.derive(after)
        changed = {name: value for name, value in after.items() if value != before[name]}
        if not changed:
            return plain(before)
        if changed.get("active") is False:
            await _require_unused(tx, kind, before)
        revived = changed.get("active") is True
        await _require_references(tx, after, [r for r in kind.references if revived or r.field in changed])
        await kind.require(tx, after)
        changed["version"] = version + 1
        try:
            await kind.model.filter(**{kind.key: key}).update(**changed)
        except IntegrityError as error:
            raise _refusal(kind, error) from error
        answer = await _written(tx, kind, "updated", before, before | changed, actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def remove_entry(
    kind: Kind, key: UUID | date | str, *, version: int, actor: Actor, idempotency: Idempotency | None = None
) -> Values:
    """Take an entry away that nobody has changed since the caller read it, and give it as it was.

    Raises:
        EntryNotFound, VersionConflict, InUse, EssentialEntry, DayPast.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _locked(kind, key, version)
        await _require_unused(tx, kind, before)
        await kind.model.filter(**{kind.key: key}).delete()
        answer = await _written(tx, kind, "deleted", before, None, actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _written(
    tx: Transaction,
    kind: Kind,
    action: Literal["created", "updated", "deleted"],
    before: Values | None,
    after: Values | None,
    actor: Actor,
) -> Values:
    """Do what follows from a change and log it; give the entry as it is now, or was."""
    await kind.follow(tx, before, after)
    last = after or before
    assert last is not None, "a change has a before or an after"
    shown_before, shown_after = (None if values is None else plain(values) for values in (before, after))
    await record_change(
        tx,
        entity=kind.entity,
        entity_id=str(plain(last)[kind.key]),
        action=action,
        before=shown_before,
        after=shown_after,
        actor=actor,
    )
    return plain(last)


async def _locked(kind: Kind, key: UUID | date | str, version: int) -> Values:
    # NO KEY: whoever only needs the entry to exist (a foreign key's check) is not kept waiting.
    row = await kind.model.filter(**{kind.key: key}).select_for_update(no_key=True).get_or_none()
    if row is None:
        raise errors.EntryNotFound(entity=kind.entity)
    values = _values(kind, row)
    if values["version"] != version:
        raise errors.VersionConflict(current=values["version"])
    return values


async def _require_references(tx: Transaction, values: Values, references: Sequence[Reference]) -> None:
    for reference in sorted(references, key=lambda r: (r.table, r.field)):
        wanted = values[reference.field]
        if wanted is not None and not await share_lock(tx, reference.table, reference.key, wanted):
            raise errors.ReferenceUnknown(field=reference.field)


async def share_lock(tx: Transaction, table: str, key: str, wanted: object) -> bool:
    """Keep an entry from being switched off until this transaction ends; tell whether it is there and in use."""
    found = await tx.fetchval(
        f"SELECT true FROM {table} WHERE {key} = $1 AND active FOR SHARE",  # noqa: S608  names of `kinds.py`
        wanted,
    )
    return found is True


async def _require_unused(tx: Transaction, kind: Kind, values: Values) -> None:
    await kind.retire(tx, values)
    for use in kind.uses:
        arguments = [values[kind.key], *([clock.now()] if "$2" in use.rows else [])]
        if await tx.fetchval(f"SELECT EXISTS (SELECT FROM {use.rows})", *arguments):  # noqa: S608  as above
            raise errors.InUse(by=use.by)


def _refusal(kind: Kind, error: IntegrityError) -> Exception:
    """Say in the slot office's words which constraint refused."""
    cause = error.args[0] if error.args else None
    name = getattr(cause, "constraint_name", None) or ""
    if isinstance(cause, asyncpg.ExclusionViolationError):
        return errors.ScheduleClash()
    if isinstance(cause, asyncpg.UniqueViolationError):
        table = kind.model._meta.db_table  # noqa: SLF001  the ORM's own name for its public description
        usual = {f"{table}_code_key": "code", f"{table}_pkey": kind.key}
        return errors.Duplicate(entity=kind.entity, field=(usual | dict(kind.unique)).get(name, name))
    if isinstance(cause, asyncpg.CheckViolationError):
        return errors.ValueNotAllowed(field=name)
    return error


def _values(kind: Kind, row: Model) -> Values:
    return {name: getattr(row, name) for name in kind.model._meta.fields_map}  # noqa: SLF001  as above


def _typed(kind: Kind, given: Values) -> Values:
    """Turn JSON's text into what the columns hold; the surface's schemas have seen to the form."""
    known = kind.model._meta.fields_map  # noqa: SLF001  as above
    return {name: _read(known[name], value) for name, value in given.items()}


def _read(column: "fields.Field[Any]", value: Any) -> Any:
    match column, value:
        case fields.UUIDField(), str():
            return UUID(value)
        case fields.DateField(), str():
            return date.fromisoformat(value)
        case WallTimeField(), str():
            return time.fromisoformat(value)
        case fields.DatetimeField(), str():
            return datetime.fromisoformat(value)
        # In JSON 3 and 3.0 are the same number.
        case fields.FloatField(), int():
            return float(value)
        case fields.IntField() | fields.SmallIntField() | fields.BigIntField(), float():
            return int(value)
        case fields.JSONField(), dict():
            return {name: int(percent) for name, percent in value.items()}
    return value


def plain(values: Mapping[str, Any]) -> Values:
    """Give values as JSON has them: instants in UTC, hours of the clock as HH:MM."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("minutes")
    return value
