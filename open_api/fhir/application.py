"""The FHIR API as one piece."""

from collections.abc import Iterator
from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from open_api.cross_origin import mount_preflight
from open_api.fhir.capability import show_capabilities
from open_api.fhir.kinds import KINDS
from open_api.fhir.reading import reader, searcher
from open_api.fhir.serving import PREFIX, Handler, mount_interaction, outcome


def mount_fhir(app: Sanic[Any, Any]) -> None:
    """Put the FHIR API into the application."""
    app.add_route(show_capabilities, f"{PREFIX}/metadata", methods=["GET"], name="fhir_capabilities")
    mount_preflight(app, f"{PREFIX}/metadata", "fhir_capabilities", methods=("GET",), is_public=True)
    for method, path, name, handler in _interactions():
        mount_interaction(app, method, path, name, handler)


def operations() -> list[str]:
    """Name what may be called, as limits and records name it."""
    return [f"{method} {PREFIX}{path}" for method, path, _, _ in _interactions()]


def _interactions() -> Iterator[tuple[str, str, str, Handler]]:
    for name, kind in KINDS.items():
        search, read = searcher(kind), reader(kind)
        yield "GET", f"/{name}", f"search_{name}", search
        yield "POST", f"/{name}/_search", f"post_search_{name}", search
        yield "GET", f"/{name}/<resource_id:str>", f"read_{name}", read


def refuse_elsewhere(request: Request, error: HospitalError) -> HTTPResponse | None:
    """Render what no handler refused, below the FHIR API's address; None elsewhere."""
    return outcome(error, request) if request.path.startswith(f"{PREFIX}/") else None
