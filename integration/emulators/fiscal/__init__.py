"""A province's fiscal e-receipt platform as a sandbox meets it, 博思-style."""
