"""The ways to the insurance's centre that this process has."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from kernel.db import Reader
from kernel.secrets import SecretMissing
from payments import errors, merchants
from payments.gateways.insurance.port import InsuranceCentre
from payments.gateways.port import ChannelCode, Merchant
from payments.insurance import errors as insurance_errors

CentreOf = Callable[[Merchant], InsuranceCentre]
"""Gives the way to the centre for an account of ours."""
Close = Callable[[], Awaitable[None]]


def no_centre(_account: Merchant) -> InsuranceCentre:
    """Give no way: what an order of the insurance's needs is then not known, and is asked again.

    Raises:
        SecretMissing.
    """
    raise SecretMissing("this process reaches no insurance centre")


class _Known:
    def __init__(self) -> None:
        self.centre_of: CentreOf = no_centre
        self.close: Close | None = None


_KNOWN: Final = _Known()


def set_centres(centre_of: CentreOf | None, close: Close | None = None) -> None:
    """Say, at start-up, how this process reaches the centre; None: not at all."""
    _KNOWN.centre_of = centre_of or no_centre
    _KNOWN.close = close


def centre_of(account: Merchant) -> InsuranceCentre:
    """Give the way to the centre for an account.

    Raises:
        SecretMissing: there is none, or a key is not where its reference says.
    """
    return _KNOWN.centre_of(account)


async def close_centres() -> None:
    """Give the connections back, at the end of a process."""
    close = _KNOWN.close
    set_centres(None)
    if close is not None:
        await close()


async def account_for(db: Reader, campus_id: UUID | None) -> Merchant:
    """Give the hospital's account with the centre for a campus.

    Raises:
        InsuranceNotOffered: there is none, or this process does not reach the centre.
        DatabaseUnavailable.
    """
    try:
        account = await merchants.merchant_for(db, ChannelCode.INSURANCE, campus_id)
        centre_of(account)
    except (errors.ChannelNotOffered, SecretMissing) as error:
        raise insurance_errors.InsuranceNotOffered from error
    return account
