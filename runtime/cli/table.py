"""The short table that a person sees when the platform serves."""

import os

from runtime.data_folder import DataFolder

STAFF = "S0001 (slot office), S0002 (kiosk), S0003 (complaints)"


def summary(folder: DataFolder) -> str:
    """Say where everything is, and with which demonstration credentials it opens."""
    run = folder.load_run()
    base = run["base_url"]
    rows = [
        ("Open API", f"{base}/open/v1"),
        ("Documentation", f"{base}/docs"),
        ("Patients' pages", f"{base}/m/"),
        ("Developer portal", f"{base}/developer"),
        ("Access tokens", f"{base}/oauth/token"),
    ]
    if "his_mllp" in run:
        rows.append(("Core HIS", f"mllp://{run['his_mllp']['host']}:{run['his_mllp']['port']}  {run['his_http_url']}"))
    rows += [(client["client_id"], f"secret {client['client_secret']}") for client in run["demo_clients"].values()]
    if run["demo_clients"]:
        rows.append(("Acting-Staff", STAFF))
    rows.append(("Addresses, secrets", _shown(str(folder.run_file))))
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {value}" for name, value in rows]
    rule = "-" * (max(len(line) for line in lines) + 2)
    return "\n".join([rule, *lines, rule])


def _shown(path: str) -> str:
    """Name a file as the person would, from where they stand."""
    relative = os.path.relpath(path, os.environ.get("HOSPITAL_CALLED_FROM", "."))
    return path if relative.startswith("../..") else relative
