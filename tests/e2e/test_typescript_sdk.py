"""The TypeScript SDK's quickstart, as it stands, against the running demonstration hospital: compiled, and run."""

import os
import re
import subprocess
from pathlib import Path

from tests.clients import node
from tests.factories.typescript_sdk import README, compiler
from tests.platform import Hospital

SECONDS_MAX = 120
# What a partner's project tells the compiler of Node by @types/node.
NODE = "declare const process: { readonly env: Readonly<Record<string, string | undefined>> };\n"
STRICT = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noEmitOnError")
ADDRESSED = ("--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", "")


def test_the_quickstart_runs_as_written(hospital_running: Hospital, typescript_app: Path) -> None:
    blocks = re.findall(r"```ts\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) > 6
    (typescript_app / "node.d.ts").write_text(NODE, encoding="utf-8")
    (typescript_app / "quickstart.ts").write_text("\n".join(blocks), encoding="utf-8")
    compiled = run(compiler(), *STRICT, *ADDRESSED, "quickstart.ts", "node.d.ts", folder=typescript_app)
    assert compiled.returncode == 0, compiled.stdout
    program, _ = node.node_programs()
    done = run(program, "quickstart.js", folder=typescript_app, BASE=hospital_running.base_url)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "50 departments" in lines
    assert any(re.fullmatch(r"\d{10,20} booked", line) for line in lines), done.stdout
    assert any(line.startswith("there is one already: ") for line in lines), done.stdout
    assert "cancelled" in lines
    assert lines[-1] == "400"


def run(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
