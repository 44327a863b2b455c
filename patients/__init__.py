"""Who is treated: registration by real name, identity, and who may see whom."""
