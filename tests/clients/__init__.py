"""Clients and checkers that others wrote, unmodified, against the real server."""
