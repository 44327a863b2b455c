"""One case for each thing that a route promises: a request that leads there, on a hospital made for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from integration.his.adapters.rest_billing import RestHisBilling
from tests.factories.emulators import EmulatorProcess
from tests.factories.his_billing import Stations
from tests.factories.open_api import OpenApi

SUCCESS = "success"
Play = Callable[[OpenApi], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Case:
    """A route's operation, what it answers (`success` or an error's code), and how to get there."""

    operation: str
    outcome: str
    play: Play

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"


@dataclass(frozen=True)
class HisBeside:
    """The HIS that the web process asks: its own programs, and the platform's way to its bills; and the insurance."""

    stations: Stations
    billing: RestHisBilling
    centre: EmulatorProcess


PlayWithHis = Callable[[OpenApi, HisBeside], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class HisCase:
    """A case for which the HIS has to be there."""

    operation: str
    outcome: str
    play: PlayWithHis

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"


CASES: list[Case] = []
HIS_CASES: list[HisCase] = []


def case(operation: str, outcome: str = SUCCESS) -> Callable[[Play], Play]:
    """Declare a case."""

    def register(play: Play) -> Play:
        CASES.append(Case(operation, outcome, play))
        return play

    return register


def his_case(operation: str, outcome: str = SUCCESS) -> Callable[[PlayWithHis], PlayWithHis]:
    """Declare a case for which the HIS has to be there."""

    def register(play: PlayWithHis) -> PlayWithHis:
        HIS_CASES.append(HisCase(operation, outcome, play))
        return play

    return register
