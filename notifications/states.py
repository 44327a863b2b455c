"""How a message goes its way: one delivery is one message by one channel, tried until it is known what became of it."""

from typing import Final

from kernel.states import TransitionTable

DELIVERY: Final = TransitionTable(
    {
        # Its time has not come: quiet hours.
        "waiting": frozenset({"queued", "dropped"}),
        # A letter is in the outbox.
        "queued": frozenset({"sending", "waiting", "dropped", "failed"}),
        # Written down before the call: whoever finds it so later cannot know whether it was taken, and repeats nothing.
        "sending": frozenset({"queued", "delivered", "failed", "unknown"}),
        # Taken by the other side; the network may report later that the telephone has not taken it.
        "delivered": frozenset({"failed"}),
        "failed": frozenset(),
        "dropped": frozenset(),
        "unknown": frozenset(),
    }
)
