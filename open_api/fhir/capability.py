"""The CapabilityStatement (http://hl7.org/fhir/R4/capabilitystatement.html): what of FHIR is served, and no more."""

from typing import Any, Final

from sanic import Request
from sanic.response import HTTPResponse

from integration.exchange.fhir import VERSION, Resource
from oauth import resources
from open_api.cross_origin import let_anybody_read
from open_api.fhir.errors import FormatNotOffered
from open_api.fhir.kinds import KINDS, Kind
from open_api.fhir.serving import answer_resource, outcome, require_json
from open_api.oauth.discovery import server_metadata

# When what is served last changed.
CHANGED: Final = "2026-11-25"
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"


async def show_capabilities(request: Request) -> HTTPResponse:
    """Say what of FHIR is served; anybody may know."""
    try:
        require_json(request)
    except FormatNotOffered as error:
        return let_anybody_read(outcome(error, request))
    return let_anybody_read(answer_resource(request, write_capabilities(), is_versioned=False))


def write_capabilities() -> Resource:
    """Write the CapabilityStatement of this deployment."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "fhirVersion": VERSION,
        "format": ["json"],
        "implementation": {"description": "互联网医院开放平台 FHIR 接口", "url": resources.fhir()},
        "rest": [
            {
                "mode": "server",
                "security": _security(),
                "resource": [_resource(kind) for kind in KINDS.values()],
            }
        ],
    }


def _security() -> dict[str, Any]:
    metadata = server_metadata()
    addresses = {
        "authorize": metadata["authorization_endpoint"],
        "token": metadata["token_endpoint"],
        "introspect": metadata["introspection_endpoint"],
        "revoke": metadata["revocation_endpoint"],
        "register": metadata["registration_endpoint"],
    }
    return {
        "extension": [
            {
                "url": _OAUTH_URIS,
                "extension": [{"url": name, "valueUri": address} for name, address in addresses.items()],
            }
        ],
        "cors": True,
        "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}]}],
        "description": "SMART App Launch 2.2",
    }


def _resource(kind: Kind) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": kind.name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "searchParam": [
            {"name": name, "type": parameter.type, "documentation": parameter.documentation}
            for name, parameter in kind.parameters.items()
        ],
    }
    if kind.includes:
        described["searchInclude"] = [f"{kind.name}:{include.parameter}" for include in kind.includes]
    return described
