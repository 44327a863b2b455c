"""What every emulator has: a store that survives a kill, a clock, faults on demand, a notifier, a web application."""
