"""The partner surface: JSON under /open/v1, guarded by OAuth bearer tokens. Knows HTTP and nothing else."""
