"""The five operations that every kind of entry has: list, read, create, change and, for some, remove."""

from collections.abc import Sequence
from typing import Any, Final

from booking.catalogue import entries, errors
from booking.catalogue.entries import Kind
from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.idempotency import IdempotencyMismatch
from open_api.calls import PartnerCall, Reply, created, ok, page, plain
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import PREFIX, Handler, Routes

READ: Final = "administration.read"
WRITE: Final = "administration.write"
WRITE_ERRORS: Final[tuple[type[HospitalError], ...]] = (IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable)
_PAGING: Final = frozenset({"limit", "cursor"})
_VERSION: Final = frozenset({"version"})


def add_entries(
    routes: Routes,
    kind: Kind,
    path: str,
    *,
    one: str,
    many: str,
    key: str = "id:uuid",
    creatable: bool = True,
    removable: bool = False,
    refusals: Sequence[type[HospitalError]] = (),
) -> None:
    """Declare the operations of a kind of entry.

    path: of the list, with `key` of one entry. one, many: its name in sentences. refusals: beside the usual ones.
    """
    schema, name = f"administration/{kind.entity}", key.partition(":")[0]
    _add_reads(routes, kind, path, schema=schema, one=one, many=many, key=key)

    async def create(call: PartnerCall) -> Reply:
        entry = await entries.create_entry(kind, call.body, actor=call.actor, idempotency=call.idempotency)
        return created(entry, location=f"{PREFIX}{path}/{entry[kind.key]}")

    async def change(call: PartnerCall) -> Reply:
        return ok(
            await entries.change_entry(
                kind,
                call.path[name],
                plain(call.body, leave_out=_VERSION),
                version=int(call.body["version"]),
                actor=call.actor,
                idempotency=call.idempotency,
            )
        )

    async def remove(call: PartnerCall) -> Reply:
        return ok(
            await entries.remove_entry(
                kind,
                call.path[name],
                version=call.query["version"],
                actor=call.actor,
                idempotency=call.idempotency,
            )
        )

    writing: tuple[type[HospitalError], ...] = (errors.Duplicate, *refusals, *WRITE_ERRORS)
    if creatable:
        routes.post(
            path, scope=WRITE, request=f"{schema}_new.json", response=f"{schema}.json", errors=writing, status=201
        )(_named(routes, create, f"create_{kind.entity}", f"Add a {one}."))
    routes.patch(
        f"{path}/<{key}>",
        scope=WRITE,
        request=f"{schema}_change.json",
        response=f"{schema}.json",
        errors=(errors.EntryNotFound, errors.VersionConflict, errors.NothingToChange, errors.InUse, *writing),
    )(_named(routes, change, f"change_{kind.entity}", f"Change a {one} that is still as you read it (`version`)."))
    if removable:
        routes.delete(
            f"{path}/<{key}>",
            scope=WRITE,
            query="administration/removal_query.json",
            response=f"{schema}.json",
            errors=(errors.EntryNotFound, errors.VersionConflict, *refusals, *WRITE_ERRORS),
        )(
            _named(
                routes, remove, f"remove_{kind.entity}", f"Take a {one} away that is still as you read it (`version`)."
            )
        )


def _add_reads(routes: Routes, kind: Kind, path: str, *, schema: str, one: str, many: str, key: str) -> None:
    list_name, name = f"administration.{kind.entity}", key.partition(":")[0]

    async def show_page(call: PartnerCall) -> Reply:
        limit = call.query.get("limit", LIMIT_DEFAULT)
        found = await entries.list_entries(
            kind, filters=plain(call.query, leave_out=_PAGING), after=after(list_name, call.query), limit=limit + 1
        )
        return shown_page(list_name, found, limit, kind.key)

    async def get(call: PartnerCall) -> Reply:
        return ok(await entries.get_entry(kind, call.path[name]))

    routes.get(
        path,
        scope=READ,
        query=f"{schema}_query.json",
        response=f"{schema}_list.json",
        errors=(InvalidCursor, DatabaseUnavailable),
    )(_named(routes, show_page, f"list_{kind.entity}", f"List {many}."))
    routes.get(
        f"{path}/<{key}>", scope=READ, response=f"{schema}.json", errors=(errors.EntryNotFound, DatabaseUnavailable)
    )(_named(routes, get, f"get_{kind.entity}", f"Read a {one}."))


def after(list_name: str, query: dict[str, Any]) -> str | None:
    """Give the key that the page before ended with.

    Raises:
        InvalidCursor.
    """
    return str(read_cursor(list_name, query["cursor"])[0]) if "cursor" in query else None


def shown_page(list_name: str, found: list[dict[str, Any]], limit: int, *keys: str) -> Reply:
    """Answer with a page of a list of which one entry more was asked for than is shown."""
    shown = found[:limit]
    return page(
        shown,
        next_cursor=write_cursor(list_name, *(shown[-1][key] for key in keys)) if len(found) > limit else None,
    )


def _named(routes: Routes, handler: Handler, name: str, sentence: str) -> Handler:
    """Give an operation the name, sentence and home by which logs and documentation know it."""
    handler.__name__ = name
    handler.__doc__ = sentence
    handler.__module__ = routes.described_by or handler.__module__
    return handler
