"""Rate limits and quotas, correct over all processes and nearly free: uses are leased from Valkey by the handful.

A process that has leased uses at hand admits without asking anybody. Otherwise one script call covers all limits of a
request. A lease grows while it is used up before its end and shrinks when it is not; the smaller what is left of a
limit, the smaller the leases. What is leased is counted as used, so leases never admit one request too many; a request
may be refused although another process holds uses that it will not need, for at most `LEASE_SECONDS` and one part
of the window.

While Valkey is away requests are counted in this process alone (care), or refused (everything else). No request waits
for a Valkey that is known to be away: one probe beside the requests finds out when it is back.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from kernel.log import get_logger
from kernel.metrics import Counter, Gauge, Histogram
from kernel.redis import GONE
from partners.errors import LimitsUnavailable, QuotaUsedUp, RateLimited
from partners.policies import DAY_SECONDS, Limit
from partners.windows import TAKE, LocalWindows

LEASE_SECONDS: Final = 0.5
LEASE_SHARE: Final = 50  # No lease is larger than this part of its limit.
LEASE_USES_MAX: Final = 500
ANSWER_SECONDS_MAX: Final = 1.0
PROBE_EVERY_SECONDS: Final = 1.0
REFUSED_SECONDS_MAX: Final = 0.5
LEASES_MAX: Final = 20_000

LEASING = Histogram(
    "hospital_gateway_lease_seconds",
    "Time that a request waited for uses from Valkey; most wait for none",
    buckets=(0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 1.0),
)
FALLBACK = Gauge("hospital_gateway_fallback", "1 while this process counts by itself because Valkey is away")
FALLBACKS = Counter("hospital_gateway_fallback_requests_total", "Requests counted by one process alone")

log = get_logger("partners")


@dataclass(slots=True)
class _Lease:
    """Uses of one limit at hand. left: of the limit as last heard; back_at: when uses come back (monotonic)."""

    limit: Limit
    uses: int = 0
    until: float = 0.0
    wanted: int = 1
    left: int = 0
    back_at: float = 0.0
    refused_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a limit, and in how many seconds uses come back; a guess from below while leases are out."""

    limit: Limit
    left: int
    seconds_until_back: int


class Limiter:
    """Admits or refuses the requests that come to this process. redis: None where a process runs without Valkey."""

    def __init__(self, redis: "Redis | None", *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._redis = redis
        self._lease_seconds = lease_seconds
        self._script: Any = None if redis is None else redis.register_script(TAKE)
        self._leases: dict[str, _Lease] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._local = LocalWindows()
        self._is_away = False
        self._probe_at = 0.0
        self._probe: asyncio.Task[None] | None = None

    def take_at_hand(self, limits: Sequence[Limit]) -> bool:
        """Count one use of each limit from what is at hand; False, and nothing counted, where one has to be asked for.

        Raises:
            RateLimited, QuotaUsedUp: as was heard a moment ago.
        """
        now = time.monotonic()
        leases = self._leases
        found = []
        for limit in limits:
            lease = leases.get(limit.key)
            if lease is None:
                return False
            if lease.refused_until > now and lease.limit == limit:
                raise _refusal(limit, lease.back_at - now)
            if lease.uses < 1 or lease.until <= now:
                return False
            found.append(lease)
        for lease in found:
            lease.uses -= 1
        return True

    async def take(self, client_id: str, limits: Sequence[Limit], *, is_care: bool) -> None:
        """Count one use of each limit, or of none.

        is_care: the request is served even when it cannot be counted over all processes.

        Raises:
            RateLimited, QuotaUsedUp: a limit has no room.
            LimitsUnavailable: Valkey is away, and the request can wait.
        """
        if self._is_away or self._script is None:
            self._take_locally(limits, is_care=is_care)
            return
        started = time.monotonic()
        self._waiting[client_id] = self._waiting.get(client_id, 0) + 1
        try:
            async with self._asking.setdefault(client_id, asyncio.Lock()):
                if not self.take_at_hand(limits):
                    await self._lease(client_id, limits)
        except GONE as error:
            self._lose(error)
            self._take_locally(limits, is_care=is_care)
        finally:
            self._waiting[client_id] -= 1
            if not self._waiting[client_id]:
                # People and addresses come and go by the thousand; none is kept in mind for a lock that nobody wants.
                del self._waiting[client_id], self._asking[client_id]
            LEASING.observe(time.monotonic() - started)

    def standing(self, limit: Limit) -> Standing:
        """Tell how far a limit is used up."""
        lease = self._leases.get(limit.key)
        if self._is_away or self._script is None or lease is None:
            left, seconds = self._local.standing(limit)
            return Standing(limit, left, _whole(seconds))
        now = time.monotonic()
        at_hand = lease.uses if lease.until > now else 0
        return Standing(limit, lease.left + at_hand, _whole(lease.back_at - now))

    async def close(self) -> None:
        """Stop asking whether Valkey is back."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    async def _lease(self, client_id: str, limits: Sequence[Limit]) -> None:
        """Ask for uses of the limits that lack them, in one round trip, and count one use of every limit.

        A request counts from when it asked: a lease that ends while it waits has served it in time.

        Raises:
            RateLimited, QuotaUsedUp: one has no room.
            One of GONE: no answer.
        """
        # A lease ends here before it ends for Valkey, which begins to count it later.
        asked_at = time.monotonic()
        leases = [self._lease_of(limit) for limit in limits]
        lacking = [lease for lease in leases if lease.uses < 1 or lease.until <= asked_at]
        kept = [lease for lease in leases if lease not in lacking]
        arguments: list[float] = [int(self._lease_seconds * 1000)]
        for lease in lacking:
            arguments += [lease.limit.requests, lease.limit.window_seconds * 1000, self._wanted(client_id, lease)]
        for lease in kept:
            lease.uses -= 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer: list[int] = await self._script(keys=[lease.limit.key for lease in lacking], args=arguments)
            self._keep(lacking, answer, until=asked_at + self._lease_seconds)
        except BaseException:
            for lease in kept:
                lease.uses += 1
            raise

    def _keep(self, lacking: Sequence[_Lease], answer: Sequence[int], *, until: float) -> None:
        """Take what was lent, less the use that was asked for.

        Raises:
            RateLimited, QuotaUsedUp: nothing was lent.
        """
        now = time.monotonic()
        for lease, lent, left, back in zip(lacking, answer[::3], answer[1::3], answer[2::3], strict=True):
            lease.left, lease.back_at = left, now + back / 1000
            lease.uses, lease.until = max(0, lent - 1), until
        refused = [lease for lease, lent, left in zip(lacking, answer[::3], answer[1::3], strict=True)
                   if lent == 0 and left == 0]  # fmt: skip
        if refused:
            last = max(refused, key=lambda lease: lease.back_at)
            last.refused_until = min(now + REFUSED_SECONDS_MAX, last.back_at)
            raise _refusal(last.limit, last.back_at - now)

    def _lease_of(self, limit: Limit) -> _Lease:
        lease = self._leases.get(limit.key)
        if lease is None or lease.limit != limit:
            if len(self._leases) >= LEASES_MAX:
                self._leases.clear()
            lease = self._leases[limit.key] = _Lease(limit)
        return lease

    def _wanted(self, client_id: str, lease: _Lease) -> int:
        """Tell how many uses to ask for: more if the last ones did not last, and enough for those who wait."""
        lease.wanted = lease.wanted * 2 if lease.uses < 1 and lease.until > time.monotonic() else lease.wanted // 2
        most = max(1, min(LEASE_USES_MAX, lease.limit.requests // LEASE_SHARE))
        lease.wanted = max(1, min(most, max(lease.wanted, self._waiting[client_id])))
        return lease.wanted

    def _take_locally(self, limits: Sequence[Limit], *, is_care: bool) -> None:
        if self._script is not None:
            self._look_again()
            if not is_care:
                raise LimitsUnavailable
            FALLBACKS.inc()
        refused = self._local.take(limits)
        if refused is not None:
            raise _refusal(refused, self._local.standing(refused)[1])

    def _lose(self, error: Exception) -> None:
        """Note that Valkey is away; what each process counted by itself before is over."""
        if not self._is_away:
            log.warning("gateway_counts_alone", reason=type(error).__name__)
            self._is_away = True
            self._local.clear()
            FALLBACK.set(1)
            self._probe_at = time.monotonic() + PROBE_EVERY_SECONDS

    def _look_again(self) -> None:
        """Ask beside the requests whether Valkey is back, once in a while."""
        if self._probe_at <= time.monotonic() and (self._probe is None or self._probe.done()):
            self._probe = asyncio.get_running_loop().create_task(self._ask_whether_back())

    async def _ask_whether_back(self) -> None:
        assert self._redis is not None, "there is one to be lost"
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._redis.get("gateway:is-anybody-there")
        except GONE:
            self._probe_at = time.monotonic() + PROBE_EVERY_SECONDS
        else:
            log.info("gateway_counts_together")
            self._is_away = False
            self._leases.clear()
            FALLBACK.set(0)


def _refusal(limit: Limit, seconds: float) -> RateLimited | QuotaUsedUp:
    kind = QuotaUsedUp if limit.window_seconds == DAY_SECONDS else RateLimited
    return kind(policy=limit.name, retry_after_seconds=_whole(seconds))


def _whole(seconds: float) -> int:
    """Round up to whole seconds, at least one."""
    return max(1, -int(-seconds // 1))
