"""Routes say what they take, give and refuse; the guard enforces it and OpenAPI shows it."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from kernel.errors import HospitalError
from open_api.calls import PartnerCall, Reply, Stream
from partners.policies import OperationClass

Handler = Callable[[PartnerCall], Awaitable[Reply | Stream]]
PREFIX: Final = "/open/v1"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    path: below /open/v1, with parameters as Sanic writes them, e.g. `/holds/<hold_id:uuid>`.
    scope: the one scope it needs. request, query, response: schema files by path.
    staff_only: no partner gets in, whatever scopes it was given by mistake.
    status: of a usual answer; other_statuses: of answers that are no refusals either.
    safe: it changes nothing although it is a POST, which keeps what is asked out of the address.
    is_stream: it answers with server-sent events; `response` is the schema of their data.
    operation_class: care is served although it cannot be counted; bulk and sensitive then have to wait.
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
    other_statuses: tuple[int, ...] = ()
    safe: bool = False
    is_stream: bool = False
    operation_class: OperationClass = "care"

    @property
    def changes_state(self) -> bool:
        """Tell whether a member of staff must be named and an idempotency key counts."""
        return self.method != "GET" and not self.safe

    @property
    def operation(self) -> str:
        """The operation's name in logs and idempotency records."""
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Routes:
    """The operations of one feature.

    staff_only: all of them are for the hospital's own applications. described_by: the module whose first line says
    what they are about, where it is not the one that the handlers stand in.
    """

    tag: str
    staff_only: bool = False
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
    ) -> Callable[[Handler], Handler]:
        """Declare a read."""
        return self._route("GET", path, scope=scope, response=response, query=query, errors=errors)

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
        operation_class: OperationClass | None = None,
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
            operation_class=operation_class,
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
        operation_class: OperationClass | None = None,
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
                    other_statuses=tuple(other_statuses),
                    safe=safe,
                    is_stream=is_stream,
                    operation_class=operation_class or self.operation_class,
                )
            )
            return handler

        return register
