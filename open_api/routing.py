"""Routes say what they take, give and refuse; the guard enforces it and OpenAPI shows it."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from kernel.errors import HospitalError
from open_api.calls import PartnerCall, Reply, Stream
from partners.policies import OperationClass

Handler = Callable[[PartnerCall], Awaitable[Reply | Stream]]
PREFIX: Final = "/open/v1"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A route that will go. since and sunset: instants (RFC 9745, RFC 8594); guide: the page that says what to use."""

    since: datetime
    sunset: datetime
    guide: str

    def headers(self) -> dict[str, str]:
        """Tell it in every answer."""
        return {
            "deprecation": f"@{int(self.since.timestamp())}",
            "sunset": format_datetime(self.sunset.astimezone(UTC), usegmt=True),
            "link": f'<{self.guide}>; rel="deprecation"; type="text/html"',
        }


@dataclass(frozen=True, slots=True)
class Handling:
    """What the gateway has to know of a route.

    operation_class: care is served although it cannot be counted; bulk and sensitive then have to wait.
    leaves_event: its own transaction appends an event of the patient, which is the entry in their access log.
    """

    operation_class: OperationClass = "care"
    leaves_event: bool = False
    deprecation: Deprecation | None = None


TOKENS: Final = Handling(operation_class="tokens")
"""How the gateway takes what is asked of the authorization server."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    path: below /open/v1, with parameters as Sanic writes them, e.g. `/holds/<hold_id:uuid>`.
    scope: the one scope it needs. request, query, response: schema files by path.
    staff_only: no partner gets in, whatever scopes it was given by mistake.
    sandbox_only: a production does not have it.
    status: of a usual answer; other_statuses: of answers that are no refusals either.
    safe: it changes nothing although it is a POST, which keeps what is asked out of the address.
    is_stream: it answers with server-sent events; `response` is the schema of their data.
    handling: what the gateway has to know of it.
    """

    method: str
    path: str
    scope: str
    handler: Handler
    tag: str
    request: str | None = None
    query: str | None = None
    response: str | None = None
    errors: tuple[type[HospitalError], ...] = ()
    status: int = 200
    staff_only: bool = False
    sandbox_only: bool = False
    other_statuses: tuple[int, ...] = ()
    safe: bool = False
    is_stream: bool = False
    handling: Handling = Handling()

    @property
    def changes_state(self) -> bool:
        """Tell whether a member of staff must be named and an idempotency key counts."""
        return self.method != "GET" and not self.safe

    @property
    def operation(self) -> str:
        """The operation's name in logs and idempotency records."""
        return f"{self.method} {self.path}"

    @property
    def name(self) -> str:
        """The operation's name for generated clients, without what sets those of the administration apart."""
        return self.handler.__name__


@dataclass(slots=True)
class Routes:
    """The operations of one feature.

    staff_only: all of them are for the hospital's own applications. sandbox_only: a production has none of them.
    described_by: the module whose first line says
    what they are about, where it is not the one that the handlers stand in. operation_class: of those that name none.
    """

    tag: str
    staff_only: bool = False
    sandbox_only: bool = False
    described_by: str | None = None
    operation_class: OperationClass = "care"
    entries: list[Route] = field(default_factory=list)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.entries)

    def get(
        self,
        path: str,
        *,
        scope: str,
        response: str,
        query: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
        handling: Handling | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a read."""
        return self._route("GET", path, scope=scope, response=response, query=query, errors=errors, handling=handling)

    def stream(
        self, path: str, *, scope: str, response: str, errors: Sequence[type[HospitalError]] = ()
    ) -> Callable[[Handler], Handler]:
        """Declare a read that goes on: server-sent events, or 204 where nothing will happen any more."""
        return self._route(
            "GET", path, scope=scope, response=response, errors=errors, other_statuses=(204,), is_stream=True
        )

    def post(
        self,
        path: str,
        *,
        scope: str,
        response: str,
        request: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
        status: int = 200,
        other_statuses: Sequence[int] = (),
        safe: bool = False,
        handling: Handling | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare an action or a creation."""
        return self._route(
            "POST",
            path,
            scope=scope,
            response=response,
            request=request,
            errors=errors,
            status=status,
            other_statuses=other_statuses,
            safe=safe,
            handling=handling,
        )

    def put(
        self,
        path: str,
        *,
        scope: str,
        response: str,
        request: str,
        errors: Sequence[type[HospitalError]] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare a replacement."""
        return self._route("PUT", path, scope=scope, response=response, request=request, errors=errors)

    def patch(
        self,
        path: str,
        *,
        scope: str,
        response: str,
        request: str,
        errors: Sequence[type[HospitalError]] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare a partial change."""
        return self._route("PATCH", path, scope=scope, response=response, request=request, errors=errors)

    def delete(
        self,
        path: str,
        *,
        scope: str,
        response: str,
        query: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare a removal."""
        return self._route("DELETE", path, scope=scope, response=response, query=query, errors=errors)

    def _route(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        response: str,
        request: str | None = None,
        query: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
        status: int = 200,
        other_statuses: Sequence[int] = (),
        safe: bool = False,
        is_stream: bool = False,
        handling: Handling | None = None,
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.entries.append(
                Route(
                    method=method,
                    path=path,
                    scope=scope,
                    handler=handler,
                    tag=self.tag,
                    request=request,
                    query=query,
                    response=response,
                    errors=tuple(errors),
                    status=status,
                    staff_only=self.staff_only,
                    sandbox_only=self.sandbox_only,
                    other_statuses=tuple(other_statuses),
                    safe=safe,
                    is_stream=is_stream,
                    handling=handling or Handling(operation_class=self.operation_class),
                )
            )
            return handler

        return register
