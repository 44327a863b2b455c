"""微小化HIS: a real small core HIS in its own process, with its own database, reached over its wire only."""
