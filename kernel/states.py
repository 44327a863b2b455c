"""Which status may follow which: every feature names its steps in a table, and no other step can be taken."""

from collections.abc import Mapping


class TransitionTable:
    """Which status may follow which. Claims name their step here, and the row's UPDATE is conditional on it."""

    def __init__(self, steps: Mapping[str, frozenset[str]]) -> None:
        self.steps = steps
        unknown = {after for afters in steps.values() for after in afters} - set(steps)
        assert not unknown, f"states without a row: {unknown}"

    def allows(self, before: str, after: str) -> bool:
        """Tell whether the step exists."""
        return after in self.steps[before]

    def before(self, after: str) -> list[str]:
        """List the statuses from which `after` may be reached, for `WHERE status = ANY(...)`."""
        return sorted(status for status, afters in self.steps.items() if after in afters)
