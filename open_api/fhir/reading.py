"""Reading and searching resources (http://hl7.org/fhir/R4/http.html#read, #search)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from sanic import Request
from sanic.response import HTTPResponse

from integration.exchange.fhir import Resource, write_bundle
from kernel import clock
from kernel.criteria import Criterion, OneOf
from kernel.ids import parse_id
from oauth import resources
from open_api import errors
from open_api.fhir.access import criteria_of
from open_api.fhir.errors import ParameterInvalid, ParameterUnknown, ResourceNotFound, SearchTooWide
from open_api.fhir.kinds import KINDS, Include, Kind
from open_api.fhir.serving import FhirCall, Handler, answer_resource
from open_api.paging import LIMIT_DEFAULT, LIMIT_MAX, read_cursor, write_cursor
from open_api.reading import QUERY_CHARACTERS_MAX

PARAMETERS_MAX: Final = 40
COUNTED_MAX: Final = 10_000
CURSOR: Final = "_cursor"
_FORM: Final = "application/x-www-form-urlencoded"
_SILENT: Final = frozenset({"_format", "_pretty"})


@dataclass(slots=True)
class Search:
    """A search as it was understood. used: the parameters that count, as the self link shows them."""

    criteria: list[Criterion] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    limit: int = LIMIT_DEFAULT
    is_count_only: bool = False
    after: Sequence[Any] | None = None


def reader(kind: Kind) -> Handler:
    """Make the handler that reads one resource of a type."""

    async def read(call: FhirCall, resource_id: str) -> HTTPResponse:
        client = call.client
        bounds = criteria_of(client, kind, "r")
        try:
            wanted = OneOf("id", (parse_id(resource_id),))
        except ValueError as error:
            raise ResourceNotFound from error
        found = await kind.find([wanted, *bounds], channel=client.channel, after=None, limit=1)
        if not found:
            raise ResourceNotFound
        await _log(call, kind, found)
        return answer_resource(call.request, kind.write(found[0], base_url=resources.fhir()), is_versioned=True)

    return read


def searcher(kind: Kind) -> Handler:
    """Make the handler that searches a type, by GET or by POST to `_search`."""

    async def search(call: FhirCall) -> HTTPResponse:
        request, client = call.request, call.client
        bounds = criteria_of(client, kind, "s")
        wanted = _read_search(kind, _parameters(request), is_strict=_is_strict(request))
        criteria = [*wanted.criteria, *bounds]
        base_url = resources.fhir()
        links = {"self": _address(base_url, kind, wanted.used)}
        if wanted.is_count_only:
            total = await kind.count(criteria, channel=client.channel, up_to=COUNTED_MAX + 1)
            if total > COUNTED_MAX:
                raise SearchTooWide(counted=COUNTED_MAX)
            return _bundle(request, [], [], links=links, total=total)
        found = await kind.find(criteria, channel=client.channel, after=wanted.after, limit=wanted.limit + 1)
        if len(found) > wanted.limit:
            found = found[: wanted.limit]
            cursor = write_cursor(f"fhir/{kind.name}", *kind.position(found[-1]))
            rest = [pair for pair in wanted.used if pair[0] != CURSOR]
            links["next"] = _address(base_url, kind, [*rest, (CURSOR, cursor)])
        included: list[Resource] = []
        for include in wanted.includes:
            included += await _follow(include, found, call)
        await _log(call, kind, found)
        return _bundle(request, [kind.write(one, base_url=base_url) for one in found], included, links=links)

    return search


def _bundle(
    request: Request,
    found: Sequence[Resource],
    included: Sequence[Resource],
    *,
    links: dict[str, str],
    total: int | None = None,
) -> HTTPResponse:
    bundle = write_bundle(found, included, base_url=resources.fhir(), links=links, total=total, at=clock.now())
    return answer_resource(request, bundle, is_versioned=False)


async def _log(call: FhirCall, kind: Kind, found: Sequence[Any]) -> None:
    """Write whose data is about to be shown. What a search includes is of the same patients, or of none."""
    if kind.patient_of is not None:
        await call.visit.log_patients(call.client, sorted({kind.patient_of(entry) for entry in found}))


async def _follow(include: Include, found: Sequence[Any], call: FhirCall) -> list[Resource]:
    """Read what is referred to, as far as the caller may read it by itself."""
    kind = KINDS[include.target]
    bounds = criteria_of(call.client, kind, "r")
    wanted = OneOf("id", tuple({include.ids(entry) for entry in found}))
    others = await kind.find([wanted, *bounds], channel=call.client.channel, after=None, limit=LIMIT_MAX)
    return [kind.write(one, base_url=resources.fhir()) for one in others]


def _is_strict(request: Request) -> bool:
    """Tell whether the caller wants to hear of what is not supported (search.html#errors)."""
    return any(part.strip() == "handling=strict" for part in request.headers.get("prefer", "").lower().split(","))


def _parameters(request: Request) -> list[tuple[str, str]]:
    """List the search parameters of the address and, for a POST, of the form.

    Raises:
        UnsupportedMediaType, BodyTooLarge.
    """
    if len(request.query_string) > QUERY_CHARACTERS_MAX:
        raise errors.BodyTooLarge(limit_bytes=QUERY_CHARACTERS_MAX)
    pairs = list(request.get_query_args(keep_blank_values=True))
    if request.method == "POST":
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise errors.UnsupportedMediaType
        if len(request.body) > QUERY_CHARACTERS_MAX:
            raise errors.BodyTooLarge(limit_bytes=QUERY_CHARACTERS_MAX)
        form = request.get_form(keep_blank_values=True)
        pairs += [(name, value) for name, values in (form or {}).items() for value in values]
    if len(pairs) > PARAMETERS_MAX:
        raise ParameterInvalid(parameter=pairs[PARAMETERS_MAX][0][:80])
    return pairs


def _read_search(kind: Kind, pairs: Sequence[tuple[str, str]], *, is_strict: bool) -> Search:
    """Read a search's parameters; what is unknown is passed over unless the caller wants it refused.

    Raises:
        ParameterUnknown, ParameterInvalid, InvalidCursor.
        SearchTooWide: one of some parameters is needed.
    """
    wanted = Search()
    for name, value in pairs:
        known = kind.parameters.get(name.partition(":")[0])
        control = _CONTROLS.get(name)
        if known is not None:
            wanted.criteria.append(known.criterion(name, value))
        elif control is not None:
            control(wanted, kind, value)
        elif name in _SILENT:
            continue
        elif is_strict:
            raise ParameterUnknown(parameter=name[:80])
        else:
            continue
        wanted.used.append((name, value))
    named = {name.partition(":")[0] for name, _ in wanted.used}
    if kind.bounded_by and named.isdisjoint(kind.bounded_by):
        raise SearchTooWide(narrow_by=sorted(kind.bounded_by))
    return wanted


def _take_count(wanted: Search, _kind: Kind, value: str) -> None:
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise ParameterInvalid(parameter="_count")
    # None at all asks for the number alone (search.html#count).
    wanted.is_count_only |= int(value) == 0
    wanted.limit = max(1, min(int(value), LIMIT_MAX))


def _take_summary(wanted: Search, _kind: Kind, value: str) -> None:
    if value not in ("count", "false"):
        raise ParameterInvalid(parameter="_summary")
    wanted.is_count_only |= value == "count"


def _take_include(wanted: Search, kind: Kind, value: str) -> None:
    source, _, rest = value.partition(":")
    parameter, _, target = rest.partition(":")
    for include in kind.includes:
        if source == kind.name and parameter == include.parameter and target in ("", include.target):
            if include not in wanted.includes:
                wanted.includes.append(include)
            return
    raise ParameterInvalid(parameter="_include")


def _take_cursor(wanted: Search, kind: Kind, value: str) -> None:
    wanted.after = kind.read_position(read_cursor(f"fhir/{kind.name}", value))


_CONTROLS: Final[dict[str, Callable[[Search, Kind, str], None]]] = {
    "_count": _take_count,
    "_summary": _take_summary,
    "_include": _take_include,
    CURSOR: _take_cursor,
}


def _address(base_url: str, kind: Kind, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{base_url}/{kind.name}" + (f"?{urlencode(pairs)}" if pairs else "")
