"""Waiting for a number (候补): who waits for what, and to whom the seats that come free are offered."""
