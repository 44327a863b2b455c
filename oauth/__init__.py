"""The authorization server's core: who may call, as whom, for how long."""
