"""What an emulator is told from outside, checked at its start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel.settings import Endpoint, SettingsError

TOKEN_CHARACTERS_MIN: Final = 16


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """Everything that every emulator is told.

    http: where it listens. folder: where its memory and its own keys lie. token: what control calls must carry.
    """

    http: Endpoint
    folder: Path
    token: str
    log_level: str
    ready_file: Path | None

    @classmethod
    def from_environment(cls, prefix: str, environment: Mapping[str, str] | None = None) -> "EmulatorSettings":
        """Read `{prefix}_HTTP` (host:port), `{prefix}_DIR` and EMULATORS_TOKEN.

        Raises:
            SettingsError: production, or a setting is missing or cannot be meant.
        """
        env = dict(os.environ if environment is None else environment)
        if env.get("MODE", "sandbox") != "sandbox":
            raise SettingsError("emulators serve sandboxes only: a hospital has the channels themselves")
        wanted = (f"{prefix}_HTTP", f"{prefix}_DIR", "EMULATORS_TOKEN")
        if missing := [name for name in wanted if not env.get(name)]:
            raise SettingsError(f"the emulator wants {', '.join(missing)}")
        if len(env["EMULATORS_TOKEN"]) < TOKEN_CHARACTERS_MIN:
            raise SettingsError(f"EMULATORS_TOKEN wants at least {TOKEN_CHARACTERS_MIN} characters")
        return cls(
            http=Endpoint.parse(env[f"{prefix}_HTTP"]),
            folder=Path(env[f"{prefix}_DIR"]),
            token=env["EMULATORS_TOKEN"],
            log_level=env.get("LOG_LEVEL", "INFO").upper(),
            ready_file=Path(env["READY_FILE"]) if env.get("READY_FILE") else None,
        )
