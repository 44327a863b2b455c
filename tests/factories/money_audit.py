"""The running platform's money, held against its ledger, the channels, the HIS and the fiscal platform."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import httpx

from kernel import clock
from kernel.db import Database, _prepare_connection
from runtime.sandbox_channels import ALIPAY_MERCHANT_CODE, WECHATPAY_MERCHANT_CODE
from tests.chaos import audit_money
from tests.platform import Hospital

AGREE_SECONDS_MAX = 120
LOOK_SECONDS = 0.5


class PlatformDatabase(Database):
    """The database of a running platform, beside the one that this process may have opened for itself."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._pool = pool

    @property
    def pool(self) -> asyncpg.Pool:
        return self._pool

    @contextmanager
    def _seen_by_orm(self, connection: asyncpg.Connection) -> Iterator[None]:
        yield


@asynccontextmanager
async def database_of(hospital: Hospital) -> AsyncIterator[PlatformDatabase]:
    """Look into a platform's database."""
    url = hospital.run["database_url"]
    async with asyncpg.create_pool(url, init=_prepare_connection, min_size=1, max_size=2) as pool:
        yield PlatformDatabase(pool)


async def everything_of_money_agrees(hospital: Hospital) -> None:
    """Wait until every side has the same to the fen, and no invariant is broken.

    Raises:
        AssertionError: they do not come to agree.
    """
    faults: list[str] = []
    try:
        async with asyncio.timeout(AGREE_SECONDS_MAX), database_of(hospital) as db:
            while faults := await _faults(hospital, db):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(faults) from None


async def _faults(hospital: Hospital, db: PlatformDatabase) -> list[str]:
    root = hospital.data / "emulators"
    channels = {
        WECHATPAY_MERCHANT_CODE: audit_money.wechatpay_books(root),
        ALIPAY_MERCHANT_CODE: audit_money.alipay_books(root),
    }
    headers = {"authorization": f"Bearer {hospital.run['his_http_token']}"}
    his = httpx.AsyncClient(base_url=hospital.run["his_http_url"], headers=headers, timeout=30, trust_env=False)
    async with his:
        with clock.frozen(hospital.now()):
            faults = await audit_money.compare_with_ledger(db, channels)
            for code, books in channels.items():
                faults += await audit_money.compare_with_channel(db, books, code, {})
            days = audit_money.business_days(hospital.today())
            faults += await audit_money.compare_with_his(db, his, days)
            faults += await audit_money.compare_with_fiscal_platform(db, root)
    return faults
