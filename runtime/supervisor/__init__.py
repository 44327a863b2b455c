"""Keeps the platform's processes of one machine running, and takes them down in order."""
