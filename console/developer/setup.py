"""Which deployment this portal belongs to, and where its other one is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Portal:
    """One deployment's portal.

    base_url: of this deployment; it is the issuer of its tokens too. other_url: production's for a sandbox, and the
    other way round; None where that is not told. channel: by which the applications book that are made here.
    """

    is_sandbox: bool
    base_url: str
    other_url: str | None
    channel: str

    @property
    def other_portal(self) -> str | None:
        """The address of the other deployment's portal."""
        return None if self.other_url is None else f"{self.other_url}/developer"


_portal: Portal | None = None


def configure_portal(portal: Portal) -> None:
    """Say at start-up which portal this process serves."""
    global _portal  # noqa: PLW0603  one portal a process, set at start-up
    _portal = portal


def portal() -> Portal:
    """Give the portal that this process serves."""
    assert _portal is not None, "mount_developer() runs at start-up"
    return _portal
