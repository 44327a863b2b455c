"""Which TCP ports of this machine are free."""

import socket

from runtime.data_folder import State


class PortTaken(Exception):
    """A port that was asked for by number belongs to another program."""


def is_free(host: str, port: int) -> bool:
    """Tell whether a listener may be opened there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def any_free(host: str) -> int:
    """Name a port that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def remembered(state: State, name: str, *, host: str = "127.0.0.1") -> int:
    """Give the port this platform used before, or a new one if another program has taken it."""
    port = state.ports.get(name)
    taken_by_ours = {other for key, other in state.ports.items() if key != name}
    while port is None or port in taken_by_ours or not is_free(host, port):
        port = any_free(host)
    state.ports[name] = port
    return port


def choose_http(state: State, *, host: str, asked: int | None, usual: int) -> int:
    """Choose the port of the open API.

    A number that was asked for is taken or refused; 0 means any free one, the same again after a
    restart. Without a wish it is the remembered port, else the usual one, else any.

    Raises:
        PortTaken: the port asked for belongs to another program.
    """
    if asked:
        if not is_free(host, asked):
            message = f"Port {asked} on {host} is used by another program. Choose another --port."
            raise PortTaken(message)
        state.ports["http"] = asked
        return asked
    if asked is None and "http" not in state.ports and is_free(host, usual):
        state.ports["http"] = usual
        return usual
    return remembered(state, "http", host=host)
