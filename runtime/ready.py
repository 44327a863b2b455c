"""Telling the supervisor, systemd or Kubernetes that a process without HTTP serves now."""

from kernel.settings import Settings


def announce_ready(settings: Settings) -> None:
    """Touch READY_FILE, where one was asked for."""
    if settings.ready_file is not None:
        settings.ready_file.touch()
