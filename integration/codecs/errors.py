"""What can be wrong with bytes that another system sent us.

WireError
├── FramingError                  the MLLP envelope is broken; the connection has to go
│   ├── BytesOutsideFrame         something stands before the start block or behind the end block
│   ├── FrameRestarted            a new start block inside an unfinished message
│   ├── FrameUnterminated         the end block is not followed by a carriage return
│   ├── FrameTruncated            the connection ended in the middle of a message
│   └── FrameTooLarge             the message outgrew the limit of this listener
└── Hl7Error                      the envelope is sound, its content is not HL7 v2
    ├── MissingHeader             the message does not begin with a usable MSH segment
    ├── UnknownCharset            MSH-18 names a character set that we do not speak
    ├── WrongCharset              the bytes are not what MSH-18 says they are
    ├── MalformedMessage          a segment or a control character that HL7 v2 does not allow
    ├── LimitExceeded             more segments, fields or characters than we accept
    ├── RequiredFieldMissing      a field that the profile requires is empty or absent
    ├── RequiredSegmentMissing    a segment that the profile requires is absent
    └── BadFieldValue             a date, a number or a code that cannot be read

These are wire errors, not refusals of the hospital: they never reach a patient, so they carry an
HL7 error code (table 0357) for the acknowledgement in place of a sentence in two languages.
"""


class WireError(ValueError):
    """Bytes from another system break the protocol that both agreed on."""


class FramingError(WireError):
    """The MLLP envelope is broken, so where the next message begins is unknown."""


class BytesOutsideFrame(FramingError):
    """Something other than a start block stands where a message should begin."""


class FrameRestarted(FramingError):
    """A start block appears inside a message that has not ended."""


class FrameUnterminated(FramingError):
    """The end block is not followed by the carriage return that completes it."""


class FrameTruncated(FramingError):
    """The peer closed the connection in the middle of a message."""


class FrameTooLarge(FramingError):
    """The message is larger than this listener accepts."""


class Hl7Error(WireError):
    """The content of an MLLP frame cannot be read as an HL7 v2 message.

    Attributes:
        error_code: message error condition code of HL7 table 0357, for ERR-3 of the answer.
        error_text: the table's name of that code.
    """

    error_code = "207"
    error_text = "Application internal error"


class MissingHeader(Hl7Error):
    """There is no usable MSH segment, so not even the control id is known."""

    error_code = "100"
    error_text = "Segment sequence error"


class UnknownCharset(Hl7Error):
    """MSH-18 names a character set that this codec does not speak."""

    error_code = "103"
    error_text = "Table value not found"


class WrongCharset(Hl7Error):
    """The bytes cannot be decoded in the character set that MSH-18 declares."""

    error_code = "102"
    error_text = "Data type error"


class MalformedMessage(Hl7Error):
    """A segment name, a delimiter or a control character breaks the HL7 v2 grammar."""

    error_code = "102"
    error_text = "Data type error"


class LimitExceeded(Hl7Error):
    """The message has more segments, fields or characters than we accept from anyone."""

    error_code = "102"
    error_text = "Data type error"


class RequiredFieldMissing(Hl7Error):
    """A field that the profile requires is empty."""

    error_code = "101"
    error_text = "Required field missing"


class RequiredSegmentMissing(Hl7Error):
    """A segment that the profile requires is absent."""

    error_code = "100"
    error_text = "Segment sequence error"


class BadFieldValue(Hl7Error):
    """A date, a number or a code of a field cannot be read."""

    error_code = "102"
    error_text = "Data type error"
