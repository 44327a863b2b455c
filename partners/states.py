"""The lives of a partner's application, and of an invitation to its organisation."""

from typing import Final, Literal

from kernel.states import TransitionTable

ApplicationState = Literal["draft", "submitted", "approved", "refused", "live", "suspended", "retired"]

APPLICATION: Final = TransitionTable(
    {
        "draft": frozenset({"submitted", "retired"}),
        "submitted": frozenset({"approved", "refused"}),
        "approved": frozenset({"live", "retired"}),
        "refused": frozenset({"draft", "retired"}),
        "live": frozenset({"suspended", "retired"}),
        "suspended": frozenset({"live", "retired"}),
        "retired": frozenset(),
    }
)

INVITATION: Final = TransitionTable(
    {
        "open": frozenset({"taken", "declined", "withdrawn"}),
        "taken": frozenset(),
        "declined": frozenset(),
        "withdrawn": frozenset(),
    }
)
