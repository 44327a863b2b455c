"""One case for each thing that a route promises: a request that leads there, on a hospital made for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

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


CASES: list[Case] = []


def case(operation: str, outcome: str = SUCCESS) -> Callable[[Play], Play]:
    """Declare a case."""

    def register(play: Play) -> Play:
        CASES.append(Case(operation, outcome, play))
        return play

    return register
