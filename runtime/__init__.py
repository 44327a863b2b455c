"""Puts the rooms together and runs them."""
