"""Fair dealing: who stays away too often, and what follows from it."""
