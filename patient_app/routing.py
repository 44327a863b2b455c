"""Routes of the patient surface: what they take, give and refuse, and whether a person stands in their path.

Everything of one person lies below `/members/<patient_id:uuid>/`, so that the guard asks once whether the account may
act for them, and no handler can forget it (docs/adr/0402).
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kernel.errors import HospitalError
from open_api.calls import Reply, Stream
from patient_app.calls import PatientCall

Handler = Callable[[PatientCall], Awaitable[Reply | Stream]]
PREFIX: Final = "/app/v1"
MEMBER: Final = "/members/<patient_id:uuid>"
NO_CONTENT: Final = 204


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    path: below /app/v1, with parameters as Sanic writes them. request, query, response: schema files by path;
    without a response it answers 204. is_public: nobody has to be signed in. safe: it changes nothing although it is a
    POST. reads_cookie: it is the one that takes a browser's refresh token. is_stream: it answers with server-sent
    events; `response` is the schema of their data.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    request: str | None = None
    query: str | None = None
    response: str | None = None
    errors: tuple[type[HospitalError], ...] = ()
    status: int = 200
    is_public: bool = False
    safe: bool = False
    reads_cookie: bool = False
    is_stream: bool = False

    @property
    def is_member(self) -> bool:
        """Tell whether it is about the person of its path."""
        return self.path == MEMBER or self.path.startswith(f"{MEMBER}/")

    @property
    def changes_state(self) -> bool:
        """Tell whether an idempotency key counts."""
        return self.method != "GET" and not self.safe

    @property
    def operation(self) -> str:
        """The operation's name in logs, access records and idempotency records."""
        return f"{self.method} {PREFIX}{self.path}"

    @property
    def name(self) -> str:
        """The operation's name for the generated client."""
        return self.handler.__name__

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of answers that are no refusals."""
        return (self.status, NO_CONTENT) if self.is_stream else (self.status,)


@dataclass(slots=True)
class Routes:
    """The operations of one feature."""

    tag: str
    entries: list[Route] = field(default_factory=list)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.entries)

    def get(
        self,
        path: str,
        *,
        response: str,
        query: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
        is_public: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a read."""
        return self._route("GET", path, response=response, query=query, errors=errors, is_public=is_public)

    def stream(
        self, path: str, *, response: str, errors: Sequence[type[HospitalError]] = ()
    ) -> Callable[[Handler], Handler]:
        """Declare a read that goes on: server-sent events, or 204 where nothing will happen any more."""
        return self._route("GET", path, response=response, errors=errors, is_stream=True)

    def post(
        self,
        path: str,
        *,
        response: str | None = None,
        request: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
        status: int = 200,
        is_public: bool = False,
        safe: bool = False,
        reads_cookie: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare an action or a creation."""
        return self._route(
            "POST",
            path,
            response=response,
            request=request,
            errors=errors,
            status=status,
            is_public=is_public,
            safe=safe,
            reads_cookie=reads_cookie,
        )

    def put(
        self,
        path: str,
        *,
        response: str | None = None,
        request: str | None = None,
        errors: Sequence[type[HospitalError]] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare a replacement."""
        return self._route("PUT", path, response=response, request=request, errors=errors)

    def delete(
        self, path: str, *, response: str | None = None, errors: Sequence[type[HospitalError]] = ()
    ) -> Callable[[Handler], Handler]:
        """Declare a removal."""
        return self._route("DELETE", path, response=response, errors=errors)

    def _route(
        self,
        method: str,
        path: str,
        *,
        response: str | None,
        errors: Sequence[type[HospitalError]],
        status: int = 200,
        **more: Any,
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            usual = status if response is not None else NO_CONTENT
            self.entries.append(
                Route(method, path, handler, self.tag, response=response, errors=tuple(errors), status=usual, **more)
            )
            return handler

        return register
