"""The everyday words by which patients look for a department: 心内科, 胸闷, headache. They are data, beside this."""

import tomllib
from pathlib import Path
from typing import Final, NamedTuple

# Shorter than this, the beginning of a word says too little; a Chinese character says more than a letter.
_CHARACTERS_MIN: Final = 2
_LETTERS_MIN: Final = 3


class Everyday(NamedTuple):
    """A department's subject code that a text names in everyday words. place: 0 is the one to be offered first."""

    code: str
    place: int
    is_whole: bool


def read_words(text: str) -> dict[str, tuple[str, ...]]:
    """Read the table: by each word the codes of its departments, the first to be offered first.

    Raises:
        ValueError: a word stands twice, or could not be found as it is written.
    """
    words: dict[str, tuple[str, ...]] = {}
    for codes, together in tomllib.loads(text).items():
        for word in together:
            if word in words or word != " ".join(word.lower().split()):
                message = f"{word} stands twice, or is not written in small letters"
                raise ValueError(message)
            words[word] = tuple(codes.split())
    return words


WORDS: Final = read_words(Path(__file__).with_name("everyday_words.toml").read_text("utf-8"))


def find_everyday(typed: str) -> list[Everyday]:
    """Find the departments of a text in small letters: of its very word, of words it begins, of words within it."""
    return [
        Everyday(code, place, word == typed)
        for word, codes in WORDS.items()
        if word == typed or _is_part(word, typed)
        for place, code in enumerate(codes)
    ]


def _is_part(word: str, typed: str) -> bool:
    shortest = _LETTERS_MIN if typed.isascii() else _CHARACTERS_MIN
    if word.isascii():
        return f" {word} " in f" {typed} " or (len(typed) >= shortest and word.startswith(typed))
    return word in typed or (len(typed) >= shortest and word.startswith(typed))
