"""What the micro-HIS is told from outside, checked at its start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.codecs.errors import UnknownCharset
from integration.codecs.hl7v2 import UTF_8, codec_of
from kernel.settings import Endpoint, SettingsError

WANTED: Final = ("MICRO_HIS_DATABASE_URL", "MICRO_HIS_MLLP", "MICRO_HIS_HTTP", "MICRO_HIS_PEER", "HIS_HTTP_TOKEN")
TOKEN_CHARACTERS_MIN: Final = 16


@dataclass(frozen=True, slots=True)
class MicroHisSettings:
    """Everything that the process is told.

    peer: where the platform listens for our messages. charset: MSH-18 of what we send.
    """

    database_url: str
    mllp: Endpoint
    http: Endpoint
    peer: Endpoint
    token: str
    charset: str
    log_level: str
    ready_file: Path | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "MicroHisSettings":
        """Read the environment.

        Raises:
            SettingsError: production, or a setting is missing or cannot be meant.
        """
        env = dict(os.environ if environment is None else environment)
        if env.get("MODE", "sandbox") != "sandbox":
            raise SettingsError("the micro-HIS serves sandboxes only: a hospital has a core HIS of its own")
        missing = [name for name in WANTED if not env.get(name)]
        if missing:
            raise SettingsError(f"the micro-HIS wants {', '.join(missing)}")
        if len(env["HIS_HTTP_TOKEN"]) < TOKEN_CHARACTERS_MIN:
            raise SettingsError(f"HIS_HTTP_TOKEN wants at least {TOKEN_CHARACTERS_MIN} characters")
        charset = env.get("MICRO_HIS_CHARSET") or UTF_8
        try:
            codec_of(charset)
        except UnknownCharset as error:
            raise SettingsError(f"MICRO_HIS_CHARSET: {error}") from error
        return cls(
            database_url=env["MICRO_HIS_DATABASE_URL"],
            mllp=Endpoint.parse(env["MICRO_HIS_MLLP"]),
            http=Endpoint.parse(env["MICRO_HIS_HTTP"]),
            peer=Endpoint.parse(env["MICRO_HIS_PEER"]),
            token=env["HIS_HTTP_TOKEN"],
            charset=charset,
            log_level=env.get("LOG_LEVEL", "INFO").upper(),
            ready_file=Path(env["READY_FILE"]) if env.get("READY_FILE") else None,
        )
