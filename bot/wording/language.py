"""In which language is spoken: every wording is written in English where it is said, and looked up here.

Another language is one file, `NAME.toml` beside this one: `"English text" = "its own"`. Where that depends on
a count, it is a table of forms, `{ two = "…", other = "…" }`, and the file's `[plural]` says as regular
expressions which counts take which form. How one is made: docs/decisions/0034-language.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import NamedTuple

ENGLISH = "en"
PLURAL = "plural"  # the table of a catalogue that says which counts take which form
OTHER = "other"  # the form of every other count
FOLDER = Path(__file__).parent
_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


class Catalogue(NamedTuple):
    """The texts of a language by their English ones, some in several forms, and the counts of each form."""

    texts: Mapping[str, str | Mapping[str, str]]
    plural: Mapping[str, str]

    def said(self, text: str, count: object) -> str:
        """Return a text in the form that this count takes."""
        found = self.texts.get(text, text)
        if isinstance(found, str):
            return found
        takes = (form for form, counts in self.plural.items() if re.fullmatch(counts, str(count)))
        return found.get(next(takes, OTHER), found[OTHER])


def t(text: str, /, **values: object) -> str:
    """Return a text in the language that is spoken, its `{names}` filled in."""
    said = catalogue(_spoken.get()).said(text, values.get("count"))
    return said.format(**values) if values else said


def later(text: str) -> str:
    """Return a text as it is: it stands in a table of words, and `t` looks it up where it is said."""
    return text


def n(one: str, many: str, count: int, /, **values: object) -> str:
    """Return `one` for a count of one and `many` for any other, as `t` does; `{count}` has commas."""
    return t(one if count == 1 else many, count=f"{count:,}", **values)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language, by its code, while the block runs. Raises ValueError for one that does not ship.

    Tasks that are begun meanwhile speak it, and what they hand to `asyncio.to_thread`; other threads do not.
    """
    catalogue(language)
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """Return the code of the language that is spoken."""
    return _spoken.get()


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that ship."""
    return (ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def catalogue(language: str) -> Catalogue:
    """Return the texts of a language. Raises ValueError for one that does not ship."""
    if language == ENGLISH:
        return Catalogue({}, {})
    if language not in languages():
        raise ValueError(f"expected a language among {', '.join(languages())}, found {language!r}")
    texts = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    plural = texts.pop(PLURAL, {})
    return Catalogue(texts, plural)
