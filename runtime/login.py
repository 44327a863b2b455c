"""Who is at the terminal: it is kept with what they change."""

import getpass
import os


def login_name() -> str:
    """Give the login name; in a container the user is often a number without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
