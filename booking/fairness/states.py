"""The tables by which bans and appeals change; an ended ban stays `active` and is over by its time alone."""

from kernel.states import TransitionTable

BAN = TransitionTable({"active": frozenset({"lifted"}), "lifted": frozenset()})
APPEAL = TransitionTable({"open": frozenset({"granted", "rejected"}), "granted": frozenset(), "rejected": frozenset()})
