import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.load import Generator, Head, LoadError, parse_head, problem_code, render_request, run_load


def test_a_request_is_rendered_with_its_length() -> None:
    request = render_request("POST", "/echo", host="here:1", headers=[("Authorization", "Bearer x")], body=b'{"a":1}')

    assert request == (
        b'POST /echo HTTP/1.1\r\nHost: here:1\r\nAuthorization: Bearer x\r\nContent-Length: 7\r\n\r\n{"a":1}'
    )
    assert render_request("GET", "/", host="here:1") == b"GET / HTTP/1.1\r\nHost: here:1\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "head"),
    [
        (b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello", Head(201, 48, closes=False)),
        (b"HTTP/1.1 409 Conflict\r\nContent-Length:2\r\nA: b\r\n\r\n{}", Head(409, 51, closes=False)),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", Head(200, 57, closes=True)),
        (b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", Head(204, 38, closes=False)),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HT", None),
    ],
)
def test_heads_are_read(answer: bytes, head: Head | None) -> None:
    assert parse_head(answer) == head


def test_a_body_cut_in_two_is_seen_as_not_all_there() -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")

    assert head is not None
    assert head.length == 49


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n\r\n", b"SSH-2.0-x", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
)
def test_what_cannot_be_timed_is_refused(answer: bytes) -> None:
    with pytest.raises(LoadError):
        parse_head(answer)


def test_the_reason_of_a_refusal_is_found() -> None:
    assert problem_code(b'..{"status":409,"code":"booking.sold_out"}') == "booking.sold_out"
    assert problem_code(b'{"code": "a.b"}') == "a.b"
    assert problem_code(b"{}") == ""


@contextmanager
def server(*, refuse_every: int = 0, close_every: int = 0) -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """A server that answers each request in two pieces, and keeps what it was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65_536):
                asked.append(data)
                number = len(asked)
                refused = refuse_every and number % refuse_every == 0
                body = b'{"code":"booking.sold_out"}' if refused else b'{"id":%d}' % number
                closes = bool(close_every) and number % close_every == 0
                head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (409 if refused else 201, len(body))
                answer = head + (b"Connection: close\r\n" if closes else b"") + b"\r\n" + body
                connection.sendall(answer[:20])
                connection.sendall(answer[20:])
                if closes:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname(), asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def requests(count: int) -> list[bytes]:
    return [render_request("POST", "/x", host="h", body=b"%d" % number) for number in range(count)]


def test_every_prepared_request_is_sent_once_and_its_answer_counted() -> None:
    with server(refuse_every=5) as (address, asked):
        outcome = Generator(address, requests(50), connections=4, seconds=30, keep_bodies=True).run()

    assert sorted(asked) == sorted(requests(50))
    assert outcome.statuses == {201: 40, 409: 10}
    assert outcome.codes == {"booking.sold_out": 10}
    assert (outcome.sent, outcome.answered, outcome.unanswered, outcome.exhausted) == (50, 50, 0, True)
    assert outcome.latencies.count == 50
    assert len(set(outcome.bodies)) == 40


def test_a_connection_that_the_server_ends_is_opened_anew() -> None:
    with server(close_every=3) as (address, asked):
        outcome = Generator(address, requests(20), connections=2, seconds=30).run()

    assert len(asked) == 20
    assert outcome.statuses == {201: 20}


def test_a_fixed_rate_sends_what_falls_due() -> None:
    with server() as (address, asked):
        outcome = run_load(address, requests(1_000), connections=4, seconds=0.5, rate=100.0, keep_bodies=True)

    # Requests fall due at 0, 10, ..., 490 ms: fifty at most, however fast the server is.
    assert 1 <= outcome.sent <= 50
    assert outcome.sent == len(asked) == outcome.latencies.count
    assert len(outcome.bodies) == outcome.sent


def test_a_generator_without_a_server_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(LoadError, match="nobody answers"):
        run_load(address, requests(1), connections=1, seconds=1)
