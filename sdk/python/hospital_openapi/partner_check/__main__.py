"""Try a partner application's credentials and set-up on a sandbox, scenario by scenario.

Exit status: 0 all that was tried works; 1 something does not; 2 it could not begin, or this is no sandbox.
"""

import argparse
import os
import shutil
import sys
import textwrap
from collections import Counter
from pathlib import Path

import httpx

from hospital_openapi.client import HospitalClient
from hospital_openapi.connection import cleaned
from hospital_openapi.credentials import ClientSecret, Credentials, PrivateKey
from hospital_openapi.errors import HospitalApiError
from hospital_openapi.partner_check.advice import explain
from hospital_openapi.partner_check.scenarios import SCENARIOS, Scenario
from hospital_openapi.partner_check.visit import Failed, LeftOut, Visit, each_name

METADATA_PATH = "/.well-known/oauth-authorization-server"
METADATA_SECONDS_MAX = 10.0
WORKS, FAILS, LEFT_OUT = "works", "FAILS", "left out"
NAME_WIDTH, VERDICT_WIDTH = 19, 10


class Unable(Exception):
    """Why the check cannot begin."""


def main(arguments: list[str]) -> int:
    """Play every scenario and print what came of each."""
    given = _parser().parse_args(arguments)
    try:
        base_url = cleaned(given.base_url)
        credentials = read_credentials(given.client_id, given.secret_file, given.key_file, given.key_id)
        require_sandbox(base_url)
    except (Unable, ValueError, OSError) as problem:
        print(f"partner-check: {problem}", file=sys.stderr)
        return 2
    print(f"Partner check of {given.client_id} at {base_url} (sandbox)\n")
    with (
        HospitalClient(base_url, credentials, language="zh") as chinese,
        HospitalClient(base_url, credentials, language="en") as english,
    ):
        visit = Visit(chinese, english)
        try:
            verdicts = play_all(visit)
        finally:
            visit.give_back()
    print(f"\n{verdicts[WORKS]} work, {verdicts[FAILS]} fail, {verdicts[LEFT_OUT]} left out.")
    return 1 if verdicts[FAILS] or (given.strict and verdicts[LEFT_OUT]) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="partner-check", description="Try an application's credentials and set-up on a sandbox."
    )
    parser.add_argument("--base-url", required=True, help="the sandbox, such as http://127.0.0.1:8000")
    parser.add_argument("--client-id", required=True)
    proof = parser.add_mutually_exclusive_group()
    proof.add_argument("--secret-file", type=Path, help="a file with the secret; CLIENT_SECRET is read otherwise")
    proof.add_argument("--key-file", type=Path, help="a PEM file with the private key (P-256 or P-384)")
    parser.add_argument("--key-id", help="the kid of the public key, where the hospital knows several")
    parser.add_argument("--strict", action="store_true", help="what was left out counts as failed")
    return parser


def read_credentials(
    client_id: str, secret_file: Path | None, key_file: Path | None, key_id: str | None
) -> Credentials:
    """Read the application's proof from where it lies; never from the command line, which others can see.

    Raises:
        Unable: there is none.
        OSError, ValueError: the file cannot be read, or holds none.
    """
    if key_file is not None:
        return PrivateKey.from_file(client_id, key_file, key_id=key_id)
    secret = secret_file.read_text(encoding="utf-8").strip() if secret_file else os.environ.get("CLIENT_SECRET", "")
    if not secret:
        raise Unable("give --secret-file or --key-file, or set CLIENT_SECRET.")
    return ClientSecret(client_id, secret)


def require_sandbox(base_url: str) -> None:
    """Ask the hospital what is behind its address, before anything else is sent.

    Raises:
        Unable: it is no sandbox, or does not say so.
    """
    try:
        answer = httpx.get(base_url + METADATA_PATH, timeout=METADATA_SECONDS_MAX)
        deployment = answer.json().get("deployment") if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise Unable(f"{base_url} does not answer as a hospital does ({type(error).__name__}).") from error
    if deployment != "sandbox":
        raise Unable(
            f"{base_url} does not say that it is a sandbox, so nothing was tried: the check registers invented"
            " patients and takes numbers."
        )


def play_all(visit: Visit) -> Counter[str]:
    """Play the scenarios in their order; without a token there is nothing to go on with."""
    verdicts: Counter[str] = Counter()
    for scenario in SCENARIOS:
        if verdicts[FAILS] and not visit.has_token:
            _print_line(scenario.name, LEFT_OUT, "there is no token")
            verdicts[LEFT_OUT] += 1
            continue
        verdicts[_play(scenario, visit)] += 1
    return verdicts


def _play(scenario: Scenario, visit: Visit) -> str:
    """Play one scenario and print its line."""
    try:
        if scenario.scopes and (missing := scenario.scopes - set(visit.english.token().scopes)):
            raise LeftOut(f"not granted: {each_name(list(missing))}")
        verdict, sentence = WORKS, scenario.play(visit)
    except LeftOut as reason:
        verdict, sentence = LEFT_OUT, str(reason)
    except Failed as reason:
        verdict, sentence = FAILS, str(reason)
    except HospitalApiError as error:
        verdict, sentence = FAILS, explain(error)
    _print_line(scenario.name, verdict, sentence)
    return verdict


def _print_line(name: str, verdict: str, sentence: str) -> None:
    indent = 2 + NAME_WIDTH + VERDICT_WIDTH
    width = max(indent + 40, min(120, shutil.get_terminal_size((110, 24)).columns))
    head = f"  {name:<{NAME_WIDTH}}{verdict:<{VERDICT_WIDTH}}"
    print(textwrap.fill(sentence, width, initial_indent=head, subsequent_indent=" " * indent), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
