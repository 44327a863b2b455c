"""How often one person, and one address, may ask: far more than a finger can tap, far less than a program would."""

from typing import Final
from uuid import UUID

from kernel.redis import redis_client
from partners.limiter import Limiter
from partners.policies import Limit

PERSON_REQUESTS_A_MINUTE: Final = 300
# A hospital's waiting hall shares one address.
ADDRESS_REQUESTS_A_MINUTE: Final = 20_000
_WINDOW_SECONDS: Final = 60


class Turnstile:
    """Counts the requests of this surface, over all processes."""

    def __init__(self) -> None:
        self._limiter: Limiter | None = None

    async def count_address(self, address_hash: bytes) -> None:
        """Count one request from an address.

        Raises:
            RateLimited.
        """
        key = address_hash.hex()
        await self._count(key, Limit("address", f"app:{{{key}}}", ADDRESS_REQUESTS_A_MINUTE, _WINDOW_SECONDS))

    async def count_person(self, account_id: UUID) -> None:
        """Count one request of an account.

        Raises:
            RateLimited.
        """
        key = str(account_id)
        await self._count(key, Limit("person", f"app:{{{key}}}", PERSON_REQUESTS_A_MINUTE, _WINDOW_SECONDS))

    async def close(self) -> None:
        """Stop asking whether Valkey is back."""
        if self._limiter is not None:
            await self._limiter.close()
            self._limiter = None

    async def _count(self, whose: str, limit: Limit) -> None:
        if self._limiter is None:
            self._limiter = Limiter(redis_client())
        if not self._limiter.take_at_hand([limit]):
            await self._limiter.take(whose, [limit], is_care=True)


turnstile: Final = Turnstile()
"""This process's turnstile."""
