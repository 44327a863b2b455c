"""A mini-program's server side at WeChat, as a foreign system of a sandbox (docs/adr/0405)."""
