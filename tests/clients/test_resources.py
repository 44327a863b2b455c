"""Every resource that is served is R4 as others understand it.

npm fhir holds it against HL7's own definitions, and the models of PyPI's fhirclient read it strictly. Together they are
no complete validator (neither knows invariants); planted faults show what they do find.
"""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.fhirelementfactory import FHIRElementFactory

from open_api.fhir.kinds import KINDS
from tests.clients import node
from tests.factories.fhir import FhirCaller, backend_caller
from tests.factories.open_api import OpenApi


async def every_resource(open_api: OpenApi) -> list[dict[str, Any]]:
    """What is answered of a hospital in which something of each kind and status stands."""
    caller = await backend_caller(open_api, kind="internal")
    schedule = await open_api.hospital.schedule(seats=1, slots=4)
    other = await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=3))
    first, second = await open_api.patient(open_api.kiosk), await open_api.patient(open_api.kiosk, sex=2)
    await open_api.db.execute("INSERT INTO patient_identifier VALUES ($1, 'his', 'C0042')", first)
    cancelled = await open_api.book(other.slots[0], first, open_api.kiosk)
    await open_api.kiosk.post(f"/appointments/{cancelled}/cancel", {"reason": "临时有事"})
    await open_api.book(schedule.slots[0], first, open_api.kiosk)
    await open_api.hold(schedule.slots[1], second, open_api.kiosk)
    answers = [
        await caller.get("/metadata"),
        await caller.get("/Patient"),
        await caller.get("/Practitioner"),
        await caller.get("/Schedule"),
        await caller.get(f"/Slot?schedule={schedule.id}&_include=Slot:schedule"),
        await caller.get("/Appointment?_include=Appointment:patient&_include=Appointment:slot"),
        await caller.get("/Appointment?_summary=count"),
        await caller.get("/Appointment?status=arrived"),
        await _refused(caller),
    ]
    bundles = [answer.json() for answer in answers]
    return [*bundles, *(entry["resource"] for bundle in bundles for entry in bundle.get("entry", ()))]


async def _refused(caller: FhirCaller) -> httpx.Response:
    return await caller.get("/Patient/nobody")


async def test_every_resource_is_valid(clients: None, open_api: OpenApi) -> None:
    resources = await every_resource(open_api)
    kinds = {resource["resourceType"] for resource in resources}
    assert kinds == {*KINDS, "Bundle", "CapabilityStatement", "OperationOutcome"}
    told = await node.run("validate.js", {"resources": resources})
    wrong = [
        (resource["resourceType"], message)
        for resource, verdict in zip(resources, told, strict=True)
        for message in verdict["messages"]
        if message["severity"] in ("error", "fatal")
    ]
    assert wrong == []
    for resource in resources:
        read_strictly(resource)


def read_strictly(resource: dict[str, Any]) -> None:
    """Read a resource as fhirclient's models have it.

    Raises:
        FHIRValidationError.
    """
    FHIRElementFactory.instantiate(resource["resourceType"], resource).as_json()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("Appointment", "status", "reserved"),
        ("Appointment", "participant", None),
        ("Appointment", "invented", "x"),
        ("Slot", "status", "open"),
        ("Slot", "schedule", None),
        ("Patient", "gender", "m"),
        ("Patient", "birthDate", "1.6.1985"),
        ("CapabilityStatement", "fhirVersion", None),
        ("Bundle", "type", "results"),
    ],
)
async def test_a_planted_fault_is_found(clients: None, open_api: OpenApi, kind: str, name: str, value: Any) -> None:
    resources = await every_resource(open_api)
    broken = deepcopy(next(one for one in resources if one["resourceType"] == kind))
    broken.pop(name, None)
    if value is not None:
        broken[name] = value
    [verdict] = await node.run("validate.js", {"resources": [broken]})
    if verdict["valid"]:
        with pytest.raises(FHIRValidationError):
            read_strictly(broken)
