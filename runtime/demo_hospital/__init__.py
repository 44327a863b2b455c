"""The demonstration hospital: invented people and places, the same for the same seed. Sandbox only."""
