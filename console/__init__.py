"""Pages for staff and for the screens of the hospital. They need no account where they show no person."""
