"""The platform's tests; they mirror the source and run against real services."""
