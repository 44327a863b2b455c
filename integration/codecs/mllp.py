"""MLLP, the envelope that carries HL7 v2 over a byte stream: VT, the message, FS, CR.

The decoder takes bytes as they arrive and gives back whole messages. It does no input or output of
its own, so the same code serves a server, a client and a test. (HL7 Transport Specification: MLLP,
release 1.)
"""

from typing import Final

from integration.codecs.errors import (
    BytesOutsideFrame,
    FrameRestarted,
    FrameTooLarge,
    FrameTruncated,
    FrameUnterminated,
    MalformedMessage,
)

START_BLOCK: Final = b"\x0b"
END_BLOCK: Final = b"\x1c"
CARRIAGE_RETURN: Final = b"\x0d"
FRAME_BYTES_MAX: Final = 1_048_576

_START = START_BLOCK[0]
_RETURN = CARRIAGE_RETURN[0]
_BLANK_BETWEEN_FRAMES = frozenset(b"\r\n")


def frame(payload: bytes) -> bytes:
    """Put one encoded message into its envelope.

    Raises:
        MalformedMessage: the payload holds a block character, which would end the envelope early.
    """
    if START_BLOCK in payload or END_BLOCK in payload:
        raise MalformedMessage("the payload holds an MLLP block character")
    return START_BLOCK + payload + END_BLOCK + CARRIAGE_RETURN


class MllpDecoder:
    """Cuts a byte stream into messages, and refuses a stream that is not MLLP.

    After a FramingError the decoder stays broken: where the next message begins cannot be known, so
    the connection has to be closed. Messages completed before the fault are handed out first.

    Blank CR and LF between envelopes are skipped, because several HIS products send them.
    """

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._buffer = bytearray()
        self._searched_bytes = 0
        self._frame_bytes_max = frame_bytes_max

    @property
    def is_inside(self) -> bool:
        """Whether a message was begun and has not ended; a listener limits how long that may take."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream, however they were cut on the way."""
        self._buffer += data

    def next_message(self) -> bytes | None:
        """Hand out the next whole message without its envelope, or None until more bytes have come.

        Raises:
            BytesOutsideFrame: something else than a start block stands where a message begins.
            FrameRestarted: a new start block came before the end of the message.
            FrameUnterminated: the end block lacks its carriage return.
            FrameTooLarge: the message is larger than the limit, complete or not.
        """
        buffer = self._buffer
        self._skip_blanks()
        if not buffer:
            return None
        if buffer[0] != _START:
            raise BytesOutsideFrame("bytes stand outside an MLLP envelope")
        end = buffer.find(END_BLOCK, max(1, self._searched_bytes))
        if (end if end >= 0 else len(buffer)) - 1 > self._frame_bytes_max:
            raise FrameTooLarge(f"the message is larger than {self._frame_bytes_max} bytes")
        if buffer.find(START_BLOCK, max(1, self._searched_bytes), end if end >= 0 else len(buffer)) >= 0:
            raise FrameRestarted("a start block stands inside a message")
        if end < 0:
            self._searched_bytes = len(buffer)
            return None
        if end + 1 == len(buffer):
            self._searched_bytes = end
            return None
        if buffer[end + 1] != _RETURN:
            raise FrameUnterminated("the end block is not followed by a carriage return")
        message = bytes(buffer[1:end])
        del buffer[: end + 2]
        self._searched_bytes = 0
        return message

    def finish(self) -> None:
        """Say that the peer has closed the stream.

        Raises:
            FrameTruncated: a message was begun and not ended.
        """
        self._skip_blanks()
        if self._buffer:
            raise FrameTruncated("the connection ended in the middle of a message")

    def _skip_blanks(self) -> None:
        blanks = 0
        for byte in self._buffer:
            if byte not in _BLANK_BETWEEN_FRAMES:
                break
            blanks += 1
        if blanks:
            del self._buffer[:blanks]
