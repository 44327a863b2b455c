"""Webhooks: what happens is told to the addresses that partner applications have named, signed, in order, and again."""
