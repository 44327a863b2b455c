"""The door that every request of an application goes through: stopped or not, from where, how often."""

from dataclasses import dataclass
from typing import Final, Literal

from authlib.oauth2.rfc6749.errors import InvalidClientError

from kernel.metrics import Counter
from kernel.redis import redis_client
from oauth.clients import Client
from oauth.refusals import TooManyAttempts
from partners.addresses import client_address
from partners.errors import AddressNotAllowed, ApplicationStopped, LimitsUnavailable, QuotaUsedUp, RateLimited
from partners.limiter import Limiter
from partners.policies import Address, Gate, Limits, OperationClass, gate_of, read_gate, remembered_gate
from partners.request_records import RequestRecords

REFUSED = Counter("hospital_gateway_refused_total", "Requests refused at the gateway", ["reason"])
_NO_LIMITS: Final = Limits((), "")


class Gateway:
    """The gateway of this process."""

    def __init__(self, limiter: Limiter, *, trusted_proxies: int = 0) -> None:
        self.limiter = limiter
        self.trusted_proxies = trusted_proxies
        self.records = RequestRecords()

    async def admit(
        self,
        client_id: str,
        kind: Literal["partner", "internal"],
        *,
        operation: str,
        operation_class: OperationClass,
        address: Address | None,
    ) -> "Admission":
        """Let one request in, and count it.

        Raises:
            ApplicationStopped, AddressNotAllowed, RateLimited, QuotaUsedUp, LimitsUnavailable, DatabaseUnavailable.
        """
        gate = remembered_gate(client_id) or await gate_of(client_id, kind)
        return await self.admit_by(gate, operation=operation, operation_class=operation_class, address=address)

    async def admit_by(
        self, gate: Gate, *, operation: str, operation_class: OperationClass, address: Address | None
    ) -> "Admission":
        """Let one request in by a door that was just read, and count it.

        Raises:
            ApplicationStopped, AddressNotAllowed, RateLimited, QuotaUsedUp, LimitsUnavailable.
        """
        if gate.stopped:
            REFUSED.labels("stopped").inc()
            raise ApplicationStopped
        if not gate.admits(address):
            REFUSED.labels("address").inc()
            raise AddressNotAllowed
        limits = gate.limits_of(operation, operation_class)
        if not limits.entries:
            return Admission(gate, _NO_LIMITS, self.limiter)
        try:
            if not self.limiter.take_at_hand(limits.entries):
                await self.limiter.take(gate.client_id, limits.entries, is_care=operation_class in ("care", "tokens"))
        except (RateLimited, QuotaUsedUp, LimitsUnavailable) as error:
            REFUSED.labels(error.code.partition(".")[2]).inc()
            raise
        return Admission(gate, limits, self.limiter)


class Doors:
    """The same doors as the authorization server asks for them (`oauth.ports.Doors`)."""

    async def admit(self, client: Client, *, operation: str, address: str) -> None:
        """Let in what an application asks of the authorization server, and count it where it has a limit."""
        try:
            await gateway().admit_by(
                await _gate_now(client),
                operation=operation,
                operation_class="tokens",
                address=client_address(address, (), trusted_proxies=0),
            )
        except (ApplicationStopped, AddressNotAllowed) as error:
            raise InvalidClientError from error
        except (RateLimited, QuotaUsedUp) as error:
            seconds = error.details["retry_after_seconds"]
            assert isinstance(seconds, int), "the limiter says so"
            raise TooManyAttempts(seconds) from error

    async def is_stopped(self, client: Client) -> bool:
        """Tell whether an application is stopped."""
        return (await _gate_now(client)).stopped


async def _gate_now(client: Client) -> Gate:
    """Give an application's door; read for this alone where requests do not keep it in mind, as tokens are rare."""
    return remembered_gate(client.id) or await read_gate(client.id, client.kind)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was let in."""

    gate: Gate
    limits: Limits
    limiter: Limiter

    def headers(self) -> dict[str, str]:
        """Tell the limits, and how much is left of the one that is nearest to its end (RateLimit, RateLimit-Policy)."""
        if not self.limits.entries:
            return {}
        return {"ratelimit-policy": self.limits.header, "ratelimit": self._nearest()}

    def _nearest(self) -> str:
        standings = [self.limiter.standing(limit) for limit in self.limits.entries]
        nearest = min(standings, key=lambda standing: standing.left / standing.limit.requests)
        return f'"{nearest.limit.name}";r={nearest.left};t={nearest.seconds_until_back}'


_gateway: Gateway | None = None


def open_gateway(*, trusted_proxies: int) -> Gateway:
    """Make this process's gateway; Valkey and the database are open already."""
    global _gateway  # noqa: PLW0603  one gateway a process, set at start-up
    _gateway = Gateway(Limiter(redis_client()), trusted_proxies=trusted_proxies)
    return _gateway


def gateway() -> Gateway:
    """Give this process's gateway."""
    assert _gateway is not None, "open_gateway() runs at start-up"
    return _gateway


async def close_gateway() -> None:
    """Close this process's gateway."""
    global _gateway  # noqa: PLW0603  one gateway a process, cleared at the end
    if _gateway is not None:
        await _gateway.limiter.close()
        await _gateway.records.close()
        _gateway = None
