"""Signing people in: staff and patients' accounts, by phone code, password and one-time code, or passkey."""
