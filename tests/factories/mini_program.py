"""The mini-program as compiled for WeChat: what its files say of pages, parts and addresses."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class MiniProgram:
    """A build for WeChat in its folder."""

    folder: Path

    def read(self, name: str) -> dict[str, Any]:
        """Read one of its JSON files."""
        found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return found

    def pages(self) -> list[str]:
        """Name every page, those of subpackages too."""
        app = self.read("app.json")
        parts = [f"{part['root']}/{page}" for part in self.packages() for page in part["pages"]]
        return [*app["pages"], *parts]

    def packages(self) -> list[dict[str, Any]]:
        """List the subpackages."""
        app = self.read("app.json")
        found: list[dict[str, Any]] = app.get("subPackages", app.get("subpackages", []))
        return found

    def used(self, unit: str) -> dict[str, str]:
        """Give the parts that a page or part registers: their tag, and where they lie from the root on."""
        registered = self.read(f"{unit}.json").get("usingComponents", {})
        at = (self.folder / unit).parent
        return {
            tag: path.lstrip("/") if path.startswith("/") else str((at / path).resolve().relative_to(self.folder))
            for tag, path in registered.items()
        }

    def units(self) -> set[str]:
        """Name every page and every part that is reached from one."""
        found: set[str] = set()
        ahead = self.pages()
        while ahead:
            unit = ahead.pop()
            if unit not in found:
                found.add(unit)
                ahead += self.used(unit).values()
        return found

    def bytes_of(self, package: str = "") -> int:
        """Weigh a subpackage, or the main package: everything that lies in no subpackage."""
        roots = [self.folder / part["root"] for part in self.packages()]
        files = [path for path in (self.folder / package).rglob("*") if path.is_file()]
        if not package:
            files = [path for path in files if not any(path.is_relative_to(root) for root in roots)]
        return sum(path.stat().st_size for path in files)
