"""What signing in has of an account: the openids by which WeChat knows who is there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.crypto import cipher
from kernel.db import Reader, Transaction
from oauth.sign_in.wechat import IDENTITIES_MAX, forget_identities


async def read_wechat(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    """Give an account's openids, each with the mini-program that it is for."""
    rows = await db.fetch(
        "SELECT app_id, openid_cipher, bound_at, used_at FROM wechat_identity WHERE account_id = $1"
        " ORDER BY bound_at, id LIMIT $2",
        account_id,
        IDENTITIES_MAX,
    )
    return [
        {
            "app_id": row["app_id"],
            "openid": cipher().open(row["openid_cipher"]),
            "bound_at": row["bound_at"],
            "used_at": row["used_at"],
        }
        for row in rows
    ]


async def erase_wechat(tx: Transaction, account_id: UUID) -> None:
    """Forget an account's openids; whoever comes back by WeChat is somebody new."""
    await forget_identities(tx, account_id)
