"""How our neutral facts look in the standards, and back: pure functions, no input or output."""
