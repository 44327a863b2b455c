"""Commands that run a program of ours against the platform of a data folder."""

import os
import re
import subprocess
import sys

from runtime.cli.data_option import ROOT, split_data_option

PROGRAMS = {
    "access": "runtime.access",
    "books": "runtime.books",
    "demo": "runtime.demo",
    "generate": "runtime.generate",
    "keys": "runtime.signing_keys",
    "migrate": "runtime.migrate",
}
HIS_PROGRAMS = {
    "status": "runtime.his_status",
    "reconcile": "runtime.reconcile",
    "dead-letters": "runtime.dead_letters",
}
OWN_DEMOS = {"clinic": "runtime.demo_clinic", "pay": "runtime.demo_pay"}
NEEDS_PLATFORM = ("access", "books", "demo", "his", "keys", "migrate")
BENCHMARK_LINE = re.compile(r'"""`./hospital bench [a-z]+`: (.*?)\.?(?:""")?$')
NO_SUCH_COMMAND = 2
HELP = frozenset({"-h", "--help"})
# Published by itself, so it lies outside our own packages.
PYTHON_SDK = ROOT / "sdk" / "python"


def run(name: str, arguments: list[str]) -> int:
    """Run the program of that name with the settings of the running platform."""
    if name == "partner-check":
        return partner_check(arguments)
    folder, rest = split_data_option(arguments)
    if name == "demo" and rest[:1] and rest[0] in OWN_DEMOS:
        # It plays in a hospital of its own and asks nothing of the one that runs.
        arguments.remove(rest[0])
        return _run_module(OWN_DEMOS[rest[0]], arguments, dict(os.environ))
    module, rest = _choose(name, rest)
    if module is None:
        return NO_SUCH_COMMAND
    settings = folder.load_environment()
    asks_platform = name in NEEDS_PLATFORM and HELP.isdisjoint(rest)
    if asks_platform and not settings and not os.environ.get("DATABASE_URL"):
        print(f"No platform was started in {folder.root}: run ./hospital up first.", file=sys.stderr)
        return 1
    # What is set at the terminal wins over what the platform was started with.
    environment = {**settings, **os.environ, "RUN_FILE": str(folder.run_file)}
    environment.setdefault("DATA_DIR", str(folder.root))
    return _run_module(module, rest, environment)


def partner_check(arguments: list[str]) -> int:
    """Run the SDK's check as a partner does: from where they stand, knowing nothing of a platform of ours."""
    environment = {**os.environ, "PYTHONPATH": str(PYTHON_SDK)}
    argv = [sys.executable, "-m", "hospital_openapi.partner_check", *arguments]
    called_from = os.environ.get("HOSPITAL_CALLED_FROM", str(ROOT))
    return subprocess.run(argv, cwd=called_from, env=environment, check=False).returncode


def _run_module(module: str, arguments: list[str], environment: dict[str, str]) -> int:
    try:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, check=False
        ).returncode
    except KeyboardInterrupt:
        return 130


def _choose(name: str, rest: list[str]) -> tuple[str | None, list[str]]:
    """Name the module to run; None where the command names nothing we have."""
    if name in PROGRAMS:
        return PROGRAMS[name], rest
    if name == "bench":
        known = _benchmarks()
        if rest and rest[0] in known:
            return f"benchmarks.{rest[0]}", rest[1:]
        lines = [f"  {one:<10}{summary}" for one, summary in known.items()]
        print("\n".join(["./hospital bench NAME [--json] [--help], where NAME is one of", *lines]), file=sys.stderr)
        return None, rest
    if rest and rest[0] in HIS_PROGRAMS:
        return HIS_PROGRAMS[rest[0]], rest[1:]
    print(f"./hospital his {' | '.join(HIS_PROGRAMS)} ...", file=sys.stderr)
    return None, rest


def _benchmarks() -> dict[str, str]:
    """Name each benchmark with what it measures; a helper module has no command in its first line."""
    found = {}
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        with path.open(encoding="utf-8") as file:
            if told := BENCHMARK_LINE.match(file.readline()):
                found[path.stem] = told[1]
    return found
