"""HL7 v2 messages: read from bytes, write to bytes, and nothing else.

A field of a segment may repeat; a repetition has components, a component has subcomponents.
Reading is lazy: a message is split into segments and fields at once, and a field is split and
unescaped when somebody asks for it, so a schedule of two hundred slots costs microseconds.
(HL7 v2.5.1 chapter 2.)

For building, Python's own types say what is meant: a string is a plain value, a tuple holds
components (a tuple inside it, subcomponents), and a list holds repetitions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from integration.codecs.errors import (
    Hl7Error,
    LimitExceeded,
    MalformedMessage,
    MissingHeader,
    RequiredFieldMissing,
    RequiredSegmentMissing,
    UnknownCharset,
    WrongCharset,
)

UTF_8: Final = "UNICODE UTF-8"
GB18030: Final = "GB 18030-2000"

# HL7 table 0211 first, then the spellings that Chinese products use. GBK and GB2312 are subsets of
# GB 18030.
_CODEC_BY_CHARSET: Final = {
    UTF_8: "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    GB18030: "gb18030",
    "GB18030-2000": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "ASCII": "ascii",
}

Component = str | tuple[str, ...]
Repetition = str | tuple[Component, ...]
FieldValue = str | tuple[Component, ...] | list[Repetition]
ParsedField = tuple[tuple[tuple[str, ...], ...], ...]

_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_FORBIDDEN_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER_NAME = "MSH"
_DELIMITER_COUNTS = (4, 5)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one message we are ready to read; a larger one is refused, never cut short."""

    message_bytes_max: int = 1_048_576
    segments_max: int = 5_000
    fields_per_segment_max: int = 200
    field_characters_max: int = 65_536


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiters that MSH-1 and MSH-2 declare, and the Python codec of MSH-18."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""
    codec: str = "utf-8"

    @property
    def encoding_characters(self) -> str:
        """MSH-2 of this dialect."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


@lru_cache(maxsize=16)
def _escape_table(dialect: Dialect) -> dict[int, str]:
    mark = dialect.escape
    table = {code: f"{mark}X{code:02X}{mark}" for code in [*range(1, 0x20), 0x7F]}
    table.update(
        {
            ord(dialect.field): f"{mark}F{mark}",
            ord(dialect.component): f"{mark}S{mark}",
            ord(dialect.subcomponent): f"{mark}T{mark}",
            ord(dialect.repetition): f"{mark}R{mark}",
            ord(mark): f"{mark}E{mark}",
        }
    )
    if dialect.truncation:
        table[ord(dialect.truncation)] = f"{mark}P{mark}"
    return table


@lru_cache(maxsize=16)
def _escape_pattern(mark: str) -> re.Pattern[str]:
    quoted = re.escape(mark)
    return re.compile(rf"{quoted}(?:([FSTREPHN]|\.br)|X((?:[0-9A-Fa-f]{{2}})+)){quoted}")


def escape(text: str, dialect: Dialect = Dialect()) -> str:
    """Write text so that no character of it is taken for a delimiter or for the end of a segment.

    Raises:
        MalformedMessage: the text holds NUL, which no receiver can store.
    """
    if "\x00" in text:
        raise MalformedMessage("text may not hold the character NUL")
    return text.translate(_escape_table(dialect))


def unescape(text: str, dialect: Dialect = Dialect()) -> str:
    r"""Read text back; highlighting marks are dropped, unknown escape sequences left as they stand.

    Raises:
        MalformedMessage: a ``\X..\`` sequence gives NUL, or bytes outside the character set.
    """
    if dialect.escape not in text:
        return text
    plain = {
        "F": dialect.field,
        "S": dialect.component,
        "T": dialect.subcomponent,
        "R": dialect.repetition,
        "E": dialect.escape,
        "P": dialect.truncation or "#",
        "H": "",
        "N": "",
        ".br": "\n",
    }

    def replace(match: re.Match[str]) -> str:
        name, digits = match.groups()
        if name is not None:
            return plain[name]
        try:
            decoded = bytes.fromhex(digits).decode(dialect.codec)
        except UnicodeDecodeError:
            raise MalformedMessage("a hexadecimal escape is outside the character set of the message") from None
        if "\x00" in decoded:
            raise MalformedMessage("a hexadecimal escape gives the character NUL")
        return decoded

    return _escape_pattern(dialect.escape).sub(replace, text)


@dataclass(frozen=True)
class Segment:
    """One line of a message. `raw[n - 1]` is field n as it stands on the wire."""

    name: str
    raw: tuple[str, ...]
    dialect: Dialect = Dialect()

    @classmethod
    def build(cls, name: str, fields: Mapping[int, FieldValue | None], dialect: Dialect = Dialect()) -> "Segment":
        """Make a segment from values by field number; fields that are not named stay empty."""
        if not _SEGMENT_NAME.fullmatch(name):
            raise MalformedMessage(f"{name!r} is not a segment name")
        last = max((number for number, value in fields.items() if value), default=0)
        raw = tuple(_write_field(fields.get(number) or "", dialect) for number in range(1, last + 1))
        return cls(name, raw, dialect)

    def field(self, number: int) -> ParsedField:
        """All repetitions of a field, each with its components and their subcomponents."""
        raw = self.raw[number - 1] if 0 < number <= len(self.raw) else ""
        if not raw:
            return ()
        if self.name == _HEADER_NAME and number <= 2:
            return (((raw,),),)
        dialect = self.dialect
        return tuple(
            tuple(
                tuple(unescape(part, dialect) for part in component.split(dialect.subcomponent))
                for component in repetition.split(dialect.component)
            )
            for repetition in raw.split(dialect.repetition)
        )

    def text(self, number: int, component: int = 1, *, repetition: int = 1, subcomponent: int = 1) -> str:
        """One value of a field, counted from 1 as the standard counts; empty when it is absent."""
        repetitions = self.field(number)
        if repetition > len(repetitions):
            return ""
        components = repetitions[repetition - 1]
        if component > len(components):
            return ""
        parts = components[component - 1]
        return parts[subcomponent - 1] if subcomponent <= len(parts) else ""

    def required(self, number: int, component: int = 1) -> str:
        """One value that the profile demands.

        Raises:
            RequiredFieldMissing: it is empty.
        """
        value = self.text(number, component)
        if not value:
            raise RequiredFieldMissing(f"{self.name}-{number}.{component} is required")
        return value

    def encode(self) -> str:
        """The segment as it goes on the wire, without its carriage return."""
        separator = self.dialect.field
        if self.name == _HEADER_NAME:
            return _HEADER_NAME + separator + separator.join(self.raw[1:])
        return separator.join((self.name, *self.raw))


@dataclass(frozen=True)
class Message:
    """An HL7 v2 message: its MSH segment first, then the rest in order."""

    segments: tuple[Segment, ...]

    @cached_property
    def header(self) -> Segment:
        """The MSH segment."""
        return self.segments[0]

    @property
    def control_id(self) -> str:
        """MSH-10, by which the receiver knows a repetition; empty when the sender gave none."""
        return self.header.text(10)

    @property
    def kind(self) -> tuple[str, str]:
        """Message code and trigger event, for example ``("SIU", "S12")``."""
        return self.header.text(9, 1), self.header.text(9, 2)

    @property
    def charset(self) -> str:
        """The first character set that MSH-18 declares, as it is spelled there."""
        return self.header.text(18)

    def first(self, name: str) -> Segment | None:
        """The first segment of that name, or None."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def required(self, name: str) -> Segment:
        """The first segment of that name.

        Raises:
            RequiredSegmentMissing: there is none.
        """
        segment = self.first(name)
        if segment is None:
            raise RequiredSegmentMissing(f"segment {name} is required")
        return segment

    def all(self, name: str) -> list[Segment]:
        """Every segment of that name, in order."""
        return [segment for segment in self.segments if segment.name == name]

    def groups(self, opening: str) -> Iterator[list[Segment]]:
        """Cut the message at each segment called `opening`; what comes before is left out."""
        group: list[Segment] = []
        for segment in self.segments:
            if segment.name == opening:
                if group:
                    yield group
                group = [segment]
            elif group:
                group.append(segment)
        if group:
            yield group

    def encode(self) -> bytes:
        """The message as bytes in the character set of its own MSH-18.

        Raises:
            UnknownCharset: MSH-18 names a character set that we do not speak.
            WrongCharset: a character does not exist in that character set.
        """
        text = "".join(segment.encode() + "\r" for segment in self.segments)
        try:
            return text.encode(codec_of(self.charset))
        except UnicodeEncodeError as error:
            raise WrongCharset(f"character {error.start} cannot be written in {self.charset}") from None


def codec_of(charset: str, default: str = UTF_8) -> str:
    """Python's name of an HL7 character set (table 0211 or a common Chinese spelling).

    Raises:
        UnknownCharset: we do not speak it.
    """
    try:
        return _CODEC_BY_CHARSET[(charset or default).strip().upper()]
    except KeyError:
        raise UnknownCharset(f"character set {charset!r} is not supported") from None


def parse(data: bytes, *, limits: Limits = DEFAULT_LIMITS, default_charset: str = UTF_8) -> Message:
    """Read one message; `default_charset` applies when MSH-18 is empty.

    Raises:
        MissingHeader: it does not begin with a usable MSH segment.
        UnknownCharset: MSH-18 names a character set that we do not speak.
        WrongCharset: the bytes are not in that character set.
        MalformedMessage: a segment name or a control character breaks the grammar.
        LimitExceeded: it is larger than `limits`.
    """
    if len(data) > limits.message_bytes_max:
        raise LimitExceeded(f"the message is larger than {limits.message_bytes_max} bytes")
    dialect = _read_dialect(data, default_charset)
    try:
        text = data.decode(dialect.codec)
    except UnicodeDecodeError as error:
        raise WrongCharset(f"byte {error.start} is not {dialect.codec}, which the message declares") from None
    if (control := _FORBIDDEN_CONTROL.search(text)) is not None:
        raise MalformedMessage(f"control character {ord(control.group()):#04x} at character {control.start()}")
    if "\n" in text:
        text = text.replace("\r\n", "\r")
    lines = text.split("\r")
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) > limits.segments_max:
        raise LimitExceeded(f"the message has more than {limits.segments_max} segments")
    if "\n" in lines[0]:
        raise MalformedMessage("segments end with a line feed; HL7 v2 ends them with a carriage return")
    header = Segment(_HEADER_NAME, _split_line(lines[0], dialect, limits), dialect)
    return Message((header, *(_read_segment(line, dialect, limits) for line in lines[1:] if line)))


def read_header(data: bytes) -> Segment | None:
    """The MSH segment of a message whose rest may be unreadable, so that its refusal can name it.

    None when there is no usable MSH segment, or it names a character set that we do not speak.
    """
    line = data.split(b"\r", 1)[0][: DEFAULT_LIMITS.field_characters_max]
    try:
        dialect = _read_dialect(line, UTF_8)
    except Hl7Error:
        return None
    fields = _decode_header(line).split(dialect.field)
    return Segment(_HEADER_NAME, (dialect.field, *fields[1:]), dialect)


def _decode_header(line: bytes) -> str:
    """Read the MSH line before its character set is known.

    A trailing byte of GB 18030 may look like a delimiter, so the line is decoded, then split.
    UTF-8 goes first: text in GB 18030 is practically never valid UTF-8, while the reverse often
    passes unnoticed.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("gb18030", errors="replace")


def _read_dialect(data: bytes, default_charset: str) -> Dialect:
    """Learn delimiters and character set from the MSH line."""
    header = _decode_header(data.split(b"\r", 1)[0])
    if not header.startswith(_HEADER_NAME) or len(header) < 8:
        raise MissingHeader("the message does not begin with an MSH segment")
    if "\n" in header:
        raise MalformedMessage("segments end with a line feed in place of a carriage return")
    separator = header[3]
    fields = header[3:].split(separator)
    marks = fields[1]
    delimiters = separator + marks
    if len(marks) not in _DELIMITER_COUNTS or len(set(delimiters)) != len(delimiters):
        raise MissingHeader("MSH-2 does not name four or five different delimiters")
    if not all(mark.isascii() and mark.isprintable() and not mark.isalnum() and mark != " " for mark in delimiters):
        raise MissingHeader("MSH-1 and MSH-2 hold a character that cannot be a delimiter")
    declared = fields[17].split(marks[1])[0] if len(fields) > 17 else ""
    return Dialect(
        separator,
        marks[0],
        marks[1],
        marks[2],
        marks[3],
        marks[4:],
        codec_of(declared, default_charset),
    )


def _read_segment(line: str, dialect: Dialect, limits: Limits) -> Segment:
    name = line[:3]
    if not _SEGMENT_NAME.fullmatch(name) or line[3:4] not in ("", dialect.field):
        raise MalformedMessage(f"{line[:8]!r} does not begin a segment")
    if name == _HEADER_NAME:
        raise MalformedMessage("a second MSH segment stands inside the message")
    return Segment(name, _split_line(line, dialect, limits), dialect)


def _split_line(line: str, dialect: Dialect, limits: Limits) -> tuple[str, ...]:
    fields = line.split(dialect.field)
    if len(fields) > limits.fields_per_segment_max:
        raise LimitExceeded(f"segment {line[:3]} has more than {limits.fields_per_segment_max} fields")
    if len(line) > limits.field_characters_max and max(map(len, fields)) > limits.field_characters_max:
        raise LimitExceeded(f"a field of segment {line[:3]} is longer than {limits.field_characters_max} characters")
    if line.startswith(_HEADER_NAME):
        fields[0] = dialect.field
        return tuple(fields)
    return tuple(fields[1:])


def _write_field(value: FieldValue, dialect: Dialect) -> str:
    if isinstance(value, list):
        return dialect.repetition.join(_write_repetition(repetition, dialect) for repetition in value)
    return _write_repetition(value, dialect)


def _write_repetition(value: Repetition, dialect: Dialect) -> str:
    if isinstance(value, str):
        return escape(value, dialect)
    return _join_trimmed([_write_component(component, dialect) for component in value], dialect.component)


def _write_component(value: Component, dialect: Dialect) -> str:
    if isinstance(value, str):
        return escape(value, dialect)
    return _join_trimmed([escape(part, dialect) for part in value], dialect.subcomponent)


def _join_trimmed(parts: Sequence[str], separator: str) -> str:
    """Trailing empty parts carry no meaning and are not sent (HL7 v2.5.1, 2.6)."""
    last = len(parts)
    while last and not parts[last - 1]:
        last -= 1
    return separator.join(parts[:last])
