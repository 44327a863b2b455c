"""The channels by which money comes and goes, each behind the one port."""
