"""The files of the repository, as the tidiness tests see them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

ROOMS = (
    "benchmarks",
    "booking",
    "console",
    "feedback",
    "integration",
    "kernel",
    "notifications",
    "oauth",
    "open_api",
    "partners",
    "patient_app",
    "patients",
    "payments",
    "runtime",
    "schema",
    "tests",
)


def tracked() -> list[Path]:
    """List what is or would be committed; a copy without git is listed as it lies."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found = [ROOT / line for line in done.stdout.splitlines()]
    else:
        hidden = {".git", ".venv", ".tools", "__pycache__"}
        found = [path for path in ROOT.rglob("*") if not hidden & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


def python_files() -> list[Path]:
    """List our Python sources, the `hospital` script among them."""
    return [path for path in tracked() if path.suffix == ".py"] + [ROOT / "hospital"]


def shown(path: Path) -> str:
    """Name a file from the root on."""
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    """Name the package a file belongs to, with its dots."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
