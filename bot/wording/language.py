"""In which language is spoken: every wording is written in English where it is said, and looked up here.

Another language is one file, `NAME.toml` beside this one: `"English text" = "its own"`, and at its end a list
of what is said in English until somebody translates it. How one is made: docs/decisions/0034-language.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

ENGLISH = "en"
UNTRANSLATED = "untranslated"  # the table of a catalogue that lists what it lacks
FOLDER = Path(__file__).parent
_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


def t(text: str, /, **values: object) -> str:
    """Return a text in the language that is spoken, its `{names}` filled in."""
    said = catalogue(_spoken.get()).get(text, text)
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
def catalogue(language: str) -> Mapping[str, str]:
    """Return the texts of a language by their English ones. Raises ValueError for one that does not ship."""
    if language == ENGLISH:
        return {}
    if language not in languages():
        raise ValueError(f"expected a language among {', '.join(languages())}, found {language!r}")
    texts: dict[str, Any] = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    del texts[UNTRANSLATED]
    return texts
