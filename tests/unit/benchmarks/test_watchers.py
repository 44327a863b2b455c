"""The phones of the bench read events as the server writes them, wherever the bytes are cut."""

from collections import defaultdict

import pytest

from benchmarks.queue import compare
from benchmarks.watchers import Phone
from kernel.event_stream import HEARTBEAT, event, retry_hint


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_events_are_counted_whole(size: int) -> None:
    told: dict[int, list[int]] = defaultdict(list)
    opened: list[bool] = []
    phone = Phone(b"", lambda: opened.append(True), told)
    head = b"HTTP/1.1 200 OK\r\nx-request-id: 0123456789abcdef\r\ntransfer-encoding: chunked\r\n\r\n"
    events = [event(event_id=number, name="place", data={"n": number}) for number in (5, 6, 9)]
    stream = head + b"".join(map(chunk, [retry_hint(), events[0], HEARTBEAT, *events[1:]]))

    for start in range(0, len(stream), size):
        phone.data_received(stream[start : start + size])

    assert opened == [True]
    # The first is the state that the stream opens with: nobody has waited for it.
    assert {number: len(instants) for number, instants in told.items()} == {6: 1, 9: 1}


def test_a_delay_is_from_the_commit_to_each_phone() -> None:
    told = {"events": {"7": [5_000_000, 9_000_000], "8": [1]}, "ended": 0}
    delays = compare(told, {7: 1_000_000})
    assert (delays.count, delays.largest) == (2, 8_000)
