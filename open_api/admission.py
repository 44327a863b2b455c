"""The gateway as requests see it: the door before the handler; the records, and what is told of limits, after it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel import clock
from kernel.db import database
from oauth.clients import Client
from open_api.calls import PartnerCall, Reply, Stream
from open_api.errors import InternalError
from open_api.routing import Handling
from partners.addresses import client_address, masked
from partners.errors import RateLimited, SignatureInvalid, SignatureReplayed, SignatureRequired
from partners.gateway import REFUSED, Admission, gateway
from partners.policies import Address
from partners.request_records import Record, agent_kind, patient_ids_of
from partners.sandbox.faults import AFTER, BEFORE, Fault, strike
from partners.signatures import SignedRequest, require_signature
from patients.access_log import access_log


class Visit:
    """One request of an application, from its coming in to its record. code: of its refusal.

    faults: those that wait for the application's calls, in a sandbox.
    """

    __slots__ = (
        "_address",
        "_admission",
        "_client",
        "_handling",
        "_leaves_event",
        "_operation",
        "_patient_ids",
        "_request",
        "_request_id",
        "_started",
        "_struck",
        "call",
        "code",
        "faults",
    )

    def __init__(self, request: Request, request_id: str, *, operation: str, handling: Handling) -> None:
        """Note when it came. operation: its name in limits, records and logs."""
        self._request, self._request_id = request, request_id
        self._operation, self._handling = operation, handling
        self._leaves_event = handling.leaves_event
        self._patient_ids: Sequence[UUID] = ()
        self._started = time.perf_counter()
        self._client: Client | None = None
        self._address: Address | None = None
        self._admission: Admission | None = None
        self.call: PartnerCall | None = None
        self.code: str | None = None
        self.faults: tuple[Fault, ...] = ()
        self._struck: str | None = None

    async def admit(self, client: Client) -> None:
        """Let a request of a known application in, or not.

        Raises:
            ApplicationStopped, AddressNotAllowed, RateLimited, QuotaUsedUp, LimitsUnavailable.
            SignatureRequired, SignatureInvalid, SignatureReplayed.
            DatabaseUnavailable.
        """
        door = gateway()
        self.know(client)
        self._admission = await door.admit(
            client.id,
            client.kind,
            operation=self._operation,
            operation_class=self._handling.operation_class,
            address=self._address,
        )
        gate = self._admission.gate
        self.faults = gate.faults
        if gate.signature_required:
            assert gate.sm2_public_key is not None, "the table demands it"
            await self._require_signature(client.id, gate.sm2_public_key)

    def know(self, client: Client) -> None:
        """Note whose request this is, so that it is recorded, whatever becomes of it."""
        door = gateway()
        forwarded = self._request.headers.getall("x-forwarded-for", ()) if door.trusted_proxies else ()
        self._client = client
        self._address = client_address(self._request.ip, forwarded, trusted_proxies=door.trusted_proxies)

    async def _require_signature(self, client_id: str, public_key: bytes) -> None:
        headers = self._request.headers
        try:
            await require_signature(
                SignedRequest(
                    client_id=client_id,
                    method=self._request.method,
                    target=self._request.raw_url.decode("latin-1"),
                    body=self._request.body,
                    timestamp=headers.get("sm2-timestamp"),
                    nonce=headers.get("sm2-nonce"),
                    digest=headers.get("sm2-digest"),
                    signature=headers.get("sm2-signature"),
                ),
                public_key,
            )
        except (SignatureRequired, SignatureInvalid, SignatureReplayed) as error:
            REFUSED.labels(error.code.partition(".")[2]).inc()
            raise

    async def strike_before(self, name: str) -> None:
        """Let a fault that waits for this call hit before anything is done for it. name: of the operation.

        Raises:
            InternalError, RateLimited: the fault.
            DatabaseUnavailable.
        """
        fault = await strike(database(), self.faults, BEFORE, name=name)
        if fault is None:
            return
        self._struck = fault.kind
        if fault.kind == "rate_limited":
            # It tells its own limit, not those that really stand.
            self._admission = None
            raise RateLimited(policy="sandbox-fault", retry_after_seconds=fault.seconds)
        raise InternalError

    async def strike_after(self, name: str, *, is_change: bool) -> None:
        """Let a fault that waits for this call hit after what was asked is done.

        Raises:
            InternalError: the fault; what was done stays done.
            DatabaseUnavailable.
        """
        kinds = AFTER if is_change else AFTER - {"error_after_effect"}
        fault = await strike(database(), self.faults, kinds, name=name)
        if fault is None:
            return
        self._struck = fault.kind
        if fault.kind == "error_after_effect":
            raise InternalError
        assert fault.seconds is not None, "a slow answer says how slow"
        await asyncio.sleep(fault.seconds)

    async def log_access(self, call: PartnerCall, answer: Reply | Stream, *, is_change: bool) -> None:
        """Write whose data a partner is about to see, before it does.

        Raises:
            DatabaseUnavailable, Unavailable: it could not be written, so nothing is shown.
        """
        call.patient_ids = patient_ids_of(answer.body if isinstance(answer, Reply) else None, call.patient_ids)
        # An answer that is given again shows what it showed, and leaves no event of its own.
        is_replay = call.idempotency is not None and call.idempotency.was_replayed
        self._leaves_event = self._handling.leaves_event and not is_replay
        try:
            await self.log_patients(call.client, call.patient_ids, is_change=is_change and not is_replay)
        except BaseException:
            if isinstance(answer, Stream):
                # Nobody will read it, and it holds a watcher's place.
                answer.source.close()
            raise

    async def log_patients(self, client: Client, patient_ids: Sequence[UUID], *, is_change: bool = False) -> None:
        """Write that a partner is about to see, or has changed, data of these patients.

        Raises:
            DatabaseUnavailable, Unavailable: it could not be written, so nothing may be shown.
        """
        self._patient_ids = patient_ids
        if not patient_ids or client.kind != "partner" or self._leaves_event:
            return
        await access_log().record(
            patient_ids,
            client_id=client.id,
            operation=self._operation,
            action="change" if is_change else "read",
            request_id=self._request_id,
            grant_id=None if client.person is None else UUID(client.person.grant_id),
        )

    def headers(self) -> dict[str, str]:
        """Tell the limits, and whether the route will go."""
        told = {} if self._admission is None else self._admission.headers()
        if self._struck is not None:
            told = told | {"sandbox-fault": self._struck}
        deprecation = self._handling.deprecation
        return told if deprecation is None else told | deprecation.headers()

    def end(self, response: HTTPResponse) -> None:
        """Tell the limits in an answer, and record it; requests of nobody known are counted only."""
        client = self._client
        if client is None:
            return
        headers: Any = response.headers
        headers.update(self.headers())
        call = self.call
        gateway().records.add(
            Record(
                at=clock.now(),
                client_id=client.id,
                staff_code=None if call is None else call.actor.staff_code,
                operation=self._operation,
                status=response.status,
                code=self.code,
                latency_microseconds=int((time.perf_counter() - self._started) * 1_000_000),
                request_id=self._request_id,
                network=masked(self._address),
                agent=agent_kind(self._request.headers.get("user-agent", "")),
                patient_ids=list(self._patient_ids if call is None else call.patient_ids),
            )
        )
