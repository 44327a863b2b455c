"""What the demonstration prints: numbered steps, and both sides' views beside each other."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

VIEW_WIDTH = 52


class DemoFailed(Exception):
    """The system did not do what the story says; the text names the step and what was seen."""


class Narrator:
    """Prints the story as it happens."""

    def __init__(self) -> None:
        self._number = 0
        self._began = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Begin a numbered step and print how long it took."""
        self._number += 1
        print(f"\n{self._number:>2}. {title}", flush=True)
        began = time.monotonic()
        yield
        print(f"    done in {(time.monotonic() - began) * 1000:.0f} ms", flush=True)

    def say(self, sentence: str) -> None:
        """Tell what happened."""
        print(f"    {sentence}", flush=True)

    def beside(self, platform: Mapping[str, object] | None, his: Mapping[str, object] | None) -> None:
        """Show one record as the platform has it and as the HIS has it."""
        left, right = _lines(platform), _lines(his)
        print(f"    {'the platform':<{VIEW_WIDTH}}| the core HIS")
        print(f"    {'-' * VIEW_WIDTH}+{'-' * VIEW_WIDTH}")
        for n in range(max(len(left), len(right))):
            here, there = (lines[n] if n < len(lines) else "" for lines in (left, right))
            print(f"    {here:<{VIEW_WIDTH}}| {there}".rstrip(), flush=True)

    def conclude(self) -> None:
        """Say that all of it held."""
        print(f"\nAll {self._number} steps held, in {time.monotonic() - self._began:.1f} s.")


def require(condition: object, sentence: str) -> None:
    """Hold the story to what it says.

    Raises:
        DemoFailed: it is not so.
    """
    if not condition:
        raise DemoFailed(sentence)


def _lines(record: Mapping[str, object] | None) -> Sequence[str]:
    if record is None:
        return ["(has no such record)"]
    return [f"{name:<12} {value}" for name, value in record.items()]
