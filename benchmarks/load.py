"""A lean HTTP/1.1 load generator, so that the measured server and not the measurer is the limit.

It runs in a process of its own (`python -m benchmarks.load`, driven by `run_load`), holds keep-alive
connections in one epoll loop, and sends requests that were rendered to bytes before the clock started.

* closed loop: each connection sends its next request as soon as an answer came: the greatest rate.
* fixed rate: requests fall due at even intervals whether or not answers come, and a latency counts
  from the moment the request was due. A stalled server so shows in every request that had to wait
  (the usual error of closed loops is called coordinated omission).
"""

from __future__ import annotations

import argparse
import gc
import json
import select
import socket
import struct
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from benchmarks.histogram import Histogram

# Larger buffers would be mapped and unmapped by malloc at every call.
RECEIVE_BYTES = 32_768
DRAIN_SECONDS_MAX = 30.0
CONNECTIONS_MAX = 1_000
ANSWER_BYTES_MAX = 16 * 1024 * 1024
# A generator that has to be waited for longer than this beyond its plan hangs.
GRACE_SECONDS = 90.0


class LoadError(Exception):
    """The load could not be applied as planned, so its figures would mean nothing."""


@dataclass(frozen=True)
class Head:
    """What the generator needs to know of an answer's head."""

    status: int
    length: int  # bytes of the whole answer, head and body
    closes: bool  # the server will not answer again on this connection


@dataclass
class Outcome:
    """What one run of the generator saw."""

    seconds: float = 0.0  # length of the measured window
    answered: int = 0  # answers inside the measured window
    statuses: Counter[int] = field(default_factory=Counter)  # of the window
    codes: Counter[str] = field(default_factory=Counter)  # problem codes of refusals in the window
    late: int = 0  # answers to requests that were under way when the window ended
    unanswered: int = 0  # requests sent that never got an answer
    exhausted: bool = False  # the requests ran out before the time did
    sent: int = 0  # requests used up, warm-up included
    cpu_seconds: float = 0.0  # of the generator itself
    latencies: Histogram = field(default_factory=Histogram)
    bodies: list[bytes] = field(default_factory=list)  # every 2xx body, in or after the window, when asked for

    @property
    def rate(self) -> float:
        """Answers per second in the measured window."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0


def render_request(
    method: str, path: str, *, host: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> bytes:
    """One request as the bytes that go over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines.extend(f"{name}: {value}" for name, value in headers)
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def parse_head(data: bytes) -> Head | None:
    """Read an answer's head, or None while it is not complete (RFC 9112 section 6.3).

    Raises:
        LoadError: the answer is not HTTP/1.x, or does not say its length.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) >= 5 and not data.startswith(b"HTTP/"):
            raise LoadError(f"not an HTTP answer: {data[:40]!r}")
        return None
    if not data.startswith(b"HTTP/1."):
        raise LoadError(f"not an HTTP/1 answer: {data[:40]!r}")
    status = int(data[9:12])
    head = data[:end].lower()
    closes = b"\r\nconnection: close" in head
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        stop = head.find(b"\r\n", at + 2)
        value = head[at + 17 : stop if stop >= 0 else end]
        return Head(status, end + 4 + int(value), closes)
    if status in (204, 304) or status < 200:
        return Head(status, end + 4, closes)
    raise LoadError(f"an answer without Content-Length cannot be timed: {data[:end][:300]!r}")


def problem_code(body: bytes) -> str:
    """The stable code of a problem document (RFC 9457 with our `code` member), or an empty string."""
    at = body.find(b'"code":')
    if at < 0:
        return ""
    start = body.find(b'"', at + 7)
    stop = body.find(b'"', start + 1)
    return body[start + 1 : stop].decode("utf-8", "replace") if 0 <= start < stop else ""


class _Connection:
    """One keep-alive connection and the request under way on it."""

    __slots__ = ("buffer", "busy", "due", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.busy = False
        self.due = 0.0


class Generator:
    """Applies one planned load to one address and counts what comes back."""

    def __init__(
        self,
        address: tuple[str, int],
        requests: Sequence[bytes],
        *,
        connections: int,
        seconds: float,
        warmup_seconds: float = 0.0,
        rate: float | None = None,
        repeat: bool = False,
        keep_bodies: bool = False,
    ) -> None:
        """`rate` in requests per second asks for fixed-rate arrivals; `repeat` sends the requests again and again."""
        if not requests:
            raise LoadError("no request to send")
        if not 1 <= connections <= CONNECTIONS_MAX:
            raise LoadError(f"connections must be 1 to {CONNECTIONS_MAX}")
        self._address = address
        self._requests = requests
        self._wanted = connections
        self._seconds = seconds
        self._warmup = warmup_seconds
        self._rate = rate
        self._repeat = repeat
        self._keep_bodies = keep_bodies
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._next = 0
        self._under_way = 0
        self._window = (0.0, 0.0)
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Apply the load; returns when the time is over and what was under way has been answered.

        Raises:
            LoadError: nobody listens, or an answer makes no sense.
        """
        for _ in range(self._wanted):
            self._connect()
        gc.collect()
        gc.disable()
        cpu_before = time.process_time()
        begin = time.perf_counter()
        self._window = (begin + self._warmup, begin + self._warmup + self._seconds)
        try:
            if self._rate is None:
                self._run_closed()
            else:
                self._run_fixed(begin, self._rate)
            self._drain()
        finally:
            gc.enable()
            for connection in self._connections.values():
                connection.sock.close()
            self._epoll.close()
        outcome = self._outcome
        outcome.cpu_seconds = time.process_time() - cpu_before
        outcome.sent = self._next
        outcome.unanswered = self._under_way
        return outcome

    def _connect(self) -> _Connection:
        try:
            sock = socket.create_connection(self._address, timeout=10.0)
        except OSError as error:
            raise LoadError(f"nobody answers at {self._address[0]}:{self._address[1]}: {error}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        connection = _Connection(sock)
        self._connections[sock.fileno()] = connection
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return connection

    def _run_closed(self) -> None:
        window_end = self._window[1]
        for connection in list(self._connections.values()):
            self._send(connection, time.perf_counter())
        poll, connections, receive, send = self._epoll.poll, self._connections, self._receive, self._send
        clock = time.perf_counter
        while True:
            for fd, _event in poll(0.5):
                free = receive(connections[fd])
                if free is None:
                    continue
                now = clock()
                if now < window_end:
                    send(free, now)
            now = clock()
            if now >= window_end:
                break
            if self._under_way == 0:
                self._outcome.exhausted = True
                break
        first = self._window[0]
        self._outcome.seconds = max(min(clock(), window_end) - first, 0.0)

    def _run_fixed(self, begin: float, rate: float) -> None:
        clock = time.perf_counter
        idle: deque[_Connection] = deque(self._connections.values())
        interval = 1.0 / rate
        arrivals = 0
        window_end = self._window[1]
        while True:
            now = clock()
            if now >= window_end:
                break
            due = begin + arrivals * interval
            while due <= now and idle:
                if not self._send(idle.popleft(), due):
                    self._outcome.exhausted = True
                    break
                arrivals += 1
                due = begin + arrivals * interval
            if self._outcome.exhausted:
                break
            # epoll waits in whole milliseconds; select on the epoll descriptor waits in microseconds.
            wait = min(max(due - clock(), 0.0) if idle else 0.05, max(window_end - clock(), 0.0))
            ready, _, _ = select.select([self._epoll], [], [], wait)
            if ready:
                for fd, _event in self._epoll.poll(0):
                    connection = self._receive(self._connections[fd])
                    if connection is not None:
                        idle.append(connection)
        self._outcome.seconds = max(min(clock(), window_end) - self._window[0], 0.0)

    def _send(self, connection: _Connection, due: float) -> bool:
        """Send the next request; False when there is none left."""
        number = self._next
        if number >= len(self._requests):
            if not self._repeat:
                return False
            number %= len(self._requests)
        request = self._requests[number]
        self._next += 1
        if connection.sock.send(request) != len(request):
            raise LoadError("the server does not take requests any more")
        connection.busy = True
        connection.due = due
        self._under_way += 1
        return True

    def _receive(self, connection: _Connection) -> _Connection | None:
        """Take what arrived; returns the connection that is free for the next request, if one is."""
        try:
            data = connection.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            data = b""
        if not data:
            return self._replace(connection)
        if connection.buffer:
            data = connection.buffer + data
        head = parse_head(data)
        if head is None or len(data) < head.length:
            if len(data) > ANSWER_BYTES_MAX:
                raise LoadError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
            connection.buffer = data
            return None
        if len(data) > head.length or not connection.busy:
            raise LoadError("the server answered more than it was asked")
        connection.buffer = b""
        connection.busy = False
        self._under_way -= 1
        self._count(connection.due, head, data)
        return self._replace(connection) if head.closes else connection

    def _count(self, due: float, head: Head, data: bytes) -> None:
        now = time.perf_counter()
        outcome = self._outcome
        first, last = self._window
        if self._keep_bodies and 200 <= head.status < 300:
            outcome.bodies.append(data[data.find(b"\r\n\r\n") + 4 :])
        if now < first:
            return
        if now > last:
            outcome.late += 1
        else:
            outcome.answered += 1
            outcome.statuses[head.status] += 1
            if head.status >= 400:
                outcome.codes[problem_code(data)] += 1
        # A fixed rate must not forget the slowest: what was due inside the window counts, however late it came.
        if now <= last or (self._rate is not None and due <= last):
            outcome.latencies.record(int((now - due) * 1e6))

    def _replace(self, connection: _Connection) -> _Connection:
        """Open a new connection where the server ended one; what was under way on it stays unanswered."""
        self._epoll.unregister(connection.sock.fileno())
        del self._connections[connection.sock.fileno()]
        connection.sock.close()
        return self._connect()

    def _drain(self) -> None:
        """Wait for the answers to what has been sent, so that no acknowledged change goes unseen."""
        give_up = time.perf_counter() + DRAIN_SECONDS_MAX
        while self._under_way and time.perf_counter() < give_up:
            events = self._epoll.poll(0.5)
            for fd, _event in events:
                before = self._connections[fd]
                self._receive(before)
            if not any(connection.busy for connection in self._connections.values()):
                break


# How the asking process and the generator's process talk: a JSON line with the plan, then each request with
# its length before it; back come a JSON line with the outcome and the kept bodies, each with its length.
_LENGTH = struct.Struct("<I")


def _write_blobs(stream: BinaryIO, blobs: Iterable[bytes]) -> None:
    stream.write(b"".join(part for blob in blobs for part in (_LENGTH.pack(len(blob)), blob)))


def _read_blobs(data: bytes) -> list[bytes]:
    blobs = []
    at = 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        blobs.append(data[at : at + length])
        at += length
    return blobs


def run_load(
    address: tuple[str, int],
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    warmup_seconds: float = 0.0,
    rate: float | None = None,
    repeat: bool = False,
    keep_bodies: bool = False,
) -> Outcome:
    """Apply a load from a process of its own and return what it saw; arguments as for `Generator`.

    Raises:
        LoadError: the generator could not do it, with its own words.
    """
    plan = {
        "address": list(address),
        "connections": connections,
        "seconds": seconds,
        "warmup_seconds": warmup_seconds,
        "rate": rate,
        "repeat": repeat,
        "keep_bodies": keep_bodies,
    }
    body = b"".join(part for request in requests for part in (_LENGTH.pack(len(request)), request))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", "--from-stdin"],
        input=json.dumps(plan).encode() + b"\n" + body,
        capture_output=True,
        timeout=seconds + warmup_seconds + DRAIN_SECONDS_MAX + GRACE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise LoadError(done.stderr.decode("utf-8", "replace").strip()[-2000:])
    line, _, rest = done.stdout.partition(b"\n")
    return _outcome_from_json(json.loads(line), _read_blobs(rest))


def _outcome_to_json(outcome: Outcome) -> dict[str, object]:
    return {
        "seconds": outcome.seconds,
        "answered": outcome.answered,
        "statuses": {str(status): number for status, number in sorted(outcome.statuses.items())},
        "codes": dict(outcome.codes),
        "late": outcome.late,
        "unanswered": outcome.unanswered,
        "exhausted": outcome.exhausted,
        "sent": outcome.sent,
        "cpu_seconds": outcome.cpu_seconds,
        "latencies": outcome.latencies.to_json(),
    }


def _outcome_from_json(seen: dict[str, Any], bodies: list[bytes]) -> Outcome:
    values = dict(seen)
    latencies = values.pop("latencies")
    statuses = values.pop("statuses")
    codes = values.pop("codes")
    outcome = Outcome(
        statuses=Counter({int(status): number for status, number in statuses.items()}),
        codes=Counter(codes),
        latencies=Histogram.from_json(**latencies),
        bodies=bodies,
    )
    for name, value in values.items():
        setattr(outcome, name, value)
    return outcome


def _serve_stdin() -> None:
    line = sys.stdin.buffer.readline()
    plan = json.loads(line)
    requests = _read_blobs(sys.stdin.buffer.read())
    host, port = plan.pop("address")
    outcome = Generator((host, port), requests, **plan).run()
    sys.stdout.buffer.write(json.dumps(_outcome_to_json(outcome)).encode() + b"\n")
    _write_blobs(sys.stdout.buffer, outcome.bodies)


def main() -> None:
    """Ask one address the same thing over and over and print what came back."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=main.__doc__)
    parser.add_argument("--from-stdin", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="http://127.0.0.1:8000/", help="what to ask (an address on this machine)")
    parser.add_argument("--body", help="POST this JSON instead of a GET")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, help="requests per second; without it each answer begets a request")
    chosen = parser.parse_args()
    try:
        if chosen.from_stdin:
            _serve_stdin()
            return
        url = urlsplit(chosen.url)
        host, port = url.hostname or "127.0.0.1", url.port or 80
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        body = chosen.body.encode() if chosen.body else b""
        headers = [("Content-Type", "application/json")] if body else []
        request = render_request("POST" if body else "GET", path, host=url.netloc, headers=headers, body=body)
        outcome = Generator(
            (host, port),
            [request],
            connections=chosen.connections,
            seconds=chosen.seconds,
            warmup_seconds=min(0.5, chosen.seconds / 5),
            rate=chosen.rate,
            repeat=True,
        ).run()
    except LoadError as error:
        sys.exit(f"load: {error}")
    milliseconds = {name: outcome.latencies.quantile(share) / 1000 for name, share in _QUANTILES.items()}
    shown = {"rate": round(outcome.rate, 1), **_outcome_to_json(outcome), "latencies": milliseconds}
    shown["generator_microseconds_per_request"] = round(outcome.cpu_seconds / max(outcome.sent, 1) * 1e6, 2)
    sys.stdout.write(json.dumps(shown) + "\n")


_QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}

if __name__ == "__main__":
    main()
