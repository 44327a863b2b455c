"""A partner's server that publishes its keys, over real HTTP on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class KeyServer:
    """What it answers next, and how often it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def publish(self, *keys: Any) -> None:
        """Publish these keys from now on."""
        self.body = json.dumps({"keys": [dict(key.as_dict(private=False)) for key in keys]}).encode()

    @classmethod
    @contextmanager
    def up(cls) -> Iterator["KeyServer"]:
        """Serve on a free port until the end."""
        served = cls()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked += 1
                self.send_response(served.status)
                for name, value in ({"content-length": str(len(served.body))} | served.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(served.body)

            def log_message(self, *_given: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            served.url = f"http://127.0.0.1:{server.server_address[1]}/jwks"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield served
            finally:
                server.shutdown()
                thread.join()
