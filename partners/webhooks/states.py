"""The tables by which endpoints and deliveries change; nothing else may change their status."""

from typing import Final

from kernel.states import TransitionTable

# `paused` is the partner's own doing; `disabled` is ours, after an answer 410 or long failure. What happens meanwhile
# waits, and goes out in order when the endpoint is active again.
ENDPOINT: Final = TransitionTable(
    {
        "active": frozenset({"paused", "disabled"}),
        "paused": frozenset({"active", "disabled"}),
        "disabled": frozenset({"active", "paused"}),
    }
)

# `failed` has used its tries up. Whoever receives may ask for either ending again.
DELIVERY: Final = TransitionTable(
    {
        "pending": frozenset({"delivered", "failed"}),
        "delivered": frozenset({"pending"}),
        "failed": frozenset({"pending"}),
    }
)
