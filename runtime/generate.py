"""Write what is made from our own sources: `python -m runtime.generate`; `--check` only compares."""

import argparse
import sys
from pathlib import Path
from typing import Any

import orjson

from open_api.application import FEATURES
from open_api.openapi import build_document
from patient_app.application import FEATURES as APP_FEATURES
from patient_app.openapi import build_app_document
from runtime.app_client import app_client
from runtime.python_sdk import python_sdk
from runtime.typescript_sdk import typescript_sdk

ROOT = Path(__file__).resolve().parent.parent


def openapi_json() -> bytes:
    """Make the OpenAPI description of the partner surface."""
    return as_json(build_document(FEATURES))


def as_json(document: dict[str, Any]) -> bytes:
    """Write a description so that its changes can be read."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def generated() -> dict[str, bytes]:
    """Make every file that is made from others, by its path from the root on."""
    return {
        "open_api/openapi.json": openapi_json(),
        **python_sdk(FEATURES),
        **typescript_sdk(FEATURES),
        "patient_app/openapi.json": as_json(build_app_document(APP_FEATURES)),
        **app_client(APP_FEATURES),
    }


def main(arguments: list[str]) -> int:
    """Write each generated file that has changed, or name those that are out of date."""
    parser = argparse.ArgumentParser(prog="./hospital generate", description="Write the generated files.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    given = parser.parse_args(arguments)
    outdated = []
    for name, content in generated().items():
        path = ROOT / name
        if path.exists() and path.read_bytes() == content:
            continue
        outdated.append(name)
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for name in outdated:
        print(f"{name}: {'out of date, run ./hospital generate' if given.check else 'written'}")
    return 1 if outdated and given.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
