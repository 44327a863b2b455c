"""The pages at which people sign in, look through their sessions, and set up what they sign in with."""
