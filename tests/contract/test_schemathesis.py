"""schemathesis reads the whole OpenAPI document and tries it on the real server, with a real token.

Others wrote it, and it has not read our code: no 5xx, no status that is not declared, no answer that breaks its schema.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from open_api.oauth.scopes import SANDBOX_SCOPES, SCOPES
from tests.contract.test_fuzz import _known_ids
from tests.factories.open_api import OpenApi

DOCUMENT = Path(__file__).resolve().parents[2] / "open_api" / "openapi.json"
METHODS = ("get", "put", "post", "patch", "delete")
EXAMPLES_AN_OPERATION = 3
SECONDS_MAX = 1_500
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_MAX + 60)
async def test_the_whole_document_holds(open_api: OpenApi, tmp_path: Path) -> None:
    """Without the scope for faults: those that it would ask for would be 500s of its own making."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    operations = sum(method in METHODS for path in document["paths"].values() for method in path)
    scopes = tuple(SCOPES.keys() - SANDBOX_SCOPES)
    await try_operations(open_api, tmp_path, scopes=scopes, operations=operations)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_MAX + 60)
async def test_what_asks_for_faults_holds(open_api: OpenApi, tmp_path: Path) -> None:
    scopes = tuple(SANDBOX_SCOPES)
    await try_operations(open_api, tmp_path, "--include-path-regex=/sandbox/", scopes=scopes, operations=4)


async def try_operations(
    open_api: OpenApi, tmp_path: Path, *more: str, scopes: tuple[str, ...], operations: int
) -> None:
    """Run schemathesis, and see that it has tried so many operations."""
    await _known_ids(open_api)
    caller = await open_api.client("internal", channel="kiosk", scopes=scopes)
    options = [
        *more,
        f"--url={open_api.server.base_url}",
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={EXAMPLES_AN_OPERATION}",
        "--phases=examples,coverage,fuzzing",
        "--generation-deterministic",
        "--request-timeout=20",
        "--continue-on-failure",
        "--no-color",
        *(f"--header={name}: {value}" for name, value in caller.headers().items()),
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", str(DOCUMENT), *options,
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS_MAX):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, told.decode()[-20_000:]
    assert f"Tested: {operations}\n" in told.decode(), told.decode()[-2_000:]
    assert "request_failed" not in open_api.server.log()
