"""MLLP framing: messages come out whole however the stream was cut, and bad streams are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.codecs.errors import (
    BytesOutsideFrame,
    FrameRestarted,
    FrameTooLarge,
    FrameTruncated,
    FrameUnterminated,
    FramingError,
    MalformedMessage,
)
from integration.codecs.mllp import MllpDecoder, frame

payloads = st.binary(max_size=60).filter(lambda data: b"\x0b" not in data and b"\x1c" not in data)


def drain(decoder: MllpDecoder) -> list[bytes]:
    messages = []
    while (message := decoder.next_message()) is not None:
        messages.append(message)
    return messages


@given(st.lists(payloads, max_size=5), st.lists(st.integers(1, 7), max_size=60))
def test_messages_come_out_whole_however_the_stream_is_cut(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(payload) for payload in sent)
    decoder = MllpDecoder()
    received = []
    for size in [*cuts, len(stream)]:
        decoder.feed(stream[:size])
        stream = stream[size:]
        received += drain(decoder)

    decoder.finish()
    assert received == sent


def test_blanks_between_messages_are_skipped() -> None:
    decoder = MllpDecoder()
    decoder.feed(b"\r\n" + frame(b"one") + b"\n" + frame(b"two") + b"\r")

    assert drain(decoder) == [b"one", b"two"]
    decoder.finish()


def test_a_payload_with_a_block_character_is_not_sent() -> None:
    for payload in (b"a\x0bb", b"a\x1cb"):
        with pytest.raises(MalformedMessage):
            frame(payload)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"MSH|^~\\&|\r", BytesOutsideFrame),
        (b"GET / HTTP/1.1\r\n", BytesOutsideFrame),
        (b"\x16\x03\x01\x02\x00", BytesOutsideFrame),
        (b"\x1c\r", BytesOutsideFrame),
        (b"\x0bone\x0btwo\x1c\r", FrameRestarted),
        (b"\x0bone\x0b", FrameRestarted),
        (b"\x0bone\x1c\x0btwo\x1c\r", FrameUnterminated),
        (b"\x0bone\x1c\n", FrameUnterminated),
        (b"\x0b" + b"x" * 11, FrameTooLarge),
        (b"\x0b" + b"x" * 11 + b"\x1c\r", FrameTooLarge),
    ],
)
def test_a_broken_stream_is_refused_by_name(stream: bytes, error: type[FramingError]) -> None:
    decoder = MllpDecoder(frame_bytes_max=10)
    decoder.feed(stream)

    with pytest.raises(FramingError) as raised:
        drain(decoder)

    assert type(raised.value) is error
    with pytest.raises(FramingError):
        decoder.next_message()


@pytest.mark.parametrize("stream", [b"\x0bone\x0btwo\x1c\r", b"\x0bone\x1cX", b"\x0bonetwothree4"])
def test_the_fault_is_found_byte_by_byte_too(stream: bytes) -> None:
    decoder = MllpDecoder(frame_bytes_max=10)

    def feed_each_byte() -> None:
        for byte in stream:
            decoder.feed(bytes([byte]))
            drain(decoder)

    with pytest.raises(FramingError):
        feed_each_byte()


def test_a_message_of_exactly_the_limit_is_taken() -> None:
    decoder = MllpDecoder(frame_bytes_max=10)
    decoder.feed(frame(b"x" * 10))

    assert drain(decoder) == [b"x" * 10]


def test_messages_before_the_fault_are_still_handed_out() -> None:
    decoder = MllpDecoder()
    decoder.feed(frame(b"one") + b"garbage")

    assert decoder.next_message() == b"one"
    with pytest.raises(BytesOutsideFrame):
        decoder.next_message()


def test_the_end_of_the_stream_inside_a_message_is_noticed() -> None:
    decoder = MllpDecoder()
    decoder.feed(b"\x0bhalf")

    assert decoder.next_message() is None
    with pytest.raises(FrameTruncated):
        decoder.finish()
