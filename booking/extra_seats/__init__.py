"""Extra seats: 加号."""
