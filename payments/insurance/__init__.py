"""Orders that the medical insurance shares: the order is the part in cash, the rest stands beside it."""
