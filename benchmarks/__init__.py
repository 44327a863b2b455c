"""How fast the hospital is, measured on the machine at hand and repeatable by anyone."""
