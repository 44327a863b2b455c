"""The table by which a person's place in a queue changes; nothing else may change its status.

`finished` straight from `waiting`, `called` or `passed` is the HIS's word: the consultation took place without
anybody having pressed a button here. `finished` to `waiting` is somebody coming back with results the same day.
"""

from typing import Final

from kernel.states import TransitionTable

WAITING: Final = "waiting"
CALLED: Final = "called"
IN_CONSULTATION: Final = "in-consultation"
PASSED: Final = "passed"
FINISHED: Final = "finished"
LEFT: Final = "left"

QUEUE_ENTRY: Final = TransitionTable(
    {
        WAITING: frozenset({CALLED, FINISHED, LEFT}),
        # Back to waiting: called, and then transferred to another room.
        CALLED: frozenset({IN_CONSULTATION, PASSED, WAITING, FINISHED, LEFT}),
        PASSED: frozenset({WAITING, FINISHED, LEFT}),
        IN_CONSULTATION: frozenset({FINISHED}),
        FINISHED: frozenset({WAITING}),
        LEFT: frozenset(),
    }
)
# Those who are still to be seen: their class may change, and they may be sent to another room.
TO_BE_SEEN: Final = (WAITING, CALLED, PASSED)
OVER: Final = (FINISHED, LEFT)
