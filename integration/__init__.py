"""Whom the hospital talks to: wire syntax, the core-HIS port and its adapters, the micro-HIS."""
