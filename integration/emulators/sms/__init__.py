"""A gateway for short messages (Tencent Cloud SMS), as a foreign system of a sandbox (docs/adr/0490)."""
