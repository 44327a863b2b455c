"""run.json: by which scripts, tests and people find what is running here."""

from typing import Any

from oauth.known_credentials import DEMO_CLIENTS
from runtime.data_folder import DataFolder
from runtime.supervisor import emulators
from runtime.supervisor.plan import Plan


def write(folder: DataFolder, plan: Plan) -> None:
    """Write run.json for a platform that now serves."""
    environment = plan.environment
    run: dict[str, Any] = {
        "base_url": environment["PUBLIC_URL"].rstrip("/"),
        "mode": environment["MODE"],
        "database_url": environment["DATABASE_URL"],
        "redis_url": environment["REDIS_URL"],
    }
    if "HIS_MLLP" in environment:
        host, _, port = environment["HIS_MLLP"].rpartition(":")
        run["his_mllp"] = {"host": host, "port": int(port)}
        run["his_http_url"] = environment.get("HIS_HTTP_URL")
        run["his_http_token"] = environment.get("HIS_HTTP_TOKEN")
    if plan.emulator_environments:
        run["emulators"] = {
            one.name: {"base_url": environment[one.address_setting], "token": own[emulators.TOKEN]}
            for one in emulators.EMULATORS
            if (own := plan.emulator_environments.get(one.name))
        }
    run["demo_clients"] = {} if plan.is_production else demo_clients()
    folder.save_run(run)


def demo_clients() -> dict[str, dict[str, Any]]:
    """The demonstration clients and their well-known secrets, which production refuses."""
    return {
        client.role: {"client_id": client.client_id, "client_secret": client.secret, "scopes": list(client.scopes)}
        for client in DEMO_CLIENTS
    }
