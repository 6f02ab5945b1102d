"""Read figures that a page says in words: which sentences there are, and which numbers stand in them.

Publishers write for people, and not twice alike: `132, 237`, `88,6%`, `89.1 per cent`, `•131,327`,
`-- 120,584`, two spaces, a footnote's digit glued to the word before it. All of these were published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scrapers.toolkit import reading
from scrapers.toolkit.contract import Page, SourceChanged

_NUMBER_ENDS = r"(?![\d,.]*\d)"  # a digit that follows may be a footnote's, or a longer number
COUNT = rf"\d{{1,3}}(?:, ?\d{{3}})+{_NUMBER_ENDS}|\d+{_NUMBER_ENDS}"
MEAN = rf"\d+\.\d{_NUMBER_ENDS}"
PERCENT = rf"\d{{1,3}}(?:[.,]\d)?{_NUMBER_ENDS} ?(?:%|per ?cent)"
MONTH = r"(?P<month>[A-Z][a-z]+ \d{4})\d?"  # and a footnote's digit

_BODY = ".js-publication-body"
_BLOCKS = "p, li, td, th, h1, h2, h3, h4, h5, h6, div, dt, dd, br"
_BULLET = re.compile(r"^[\s•·▪‣*–—-]+")
_END = re.compile(r"(?<=[.;])\s+(?=[^a-z])")
_FORMULA = re.compile(r"=|\* ?100")


class Number(NamedTuple):
    """A number as written, to so many decimals."""

    value: float
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement of a page: a line that matches `cue` makes it, and must have one of the `forms`.

    The named groups of a form are numbers, but for `month`, which is what the statement is about.
    """

    what: str
    cue: re.Pattern[str]
    forms: Sequence[re.Pattern[str]]


def count(name: str) -> str:
    """Return the pattern of a whole number, kept under this name."""
    return rf"(?P<{name}>{COUNT})"


def percent(name: str) -> str:
    """Return the pattern of a percentage, kept under this name."""
    return rf"(?P<{name}>{PERCENT})"


def mean(name: str) -> str:
    """Return the pattern of a mean of one decimal, kept under this name."""
    return rf"(?P<{name}>{MEAN})"


def lines(page: Page) -> list[str]:
    """Return what a release's page or chapter says, sentence by sentence, and what its pictures say.

    Footnote marks, bullets and formulae are left out.
    """
    with reading.reading(page):
        body = reading.one(reading.soup(page), _BODY, "the publication's text")
        for mark in body.select("sup, script, style"):
            mark.decompose()
        for picture in body.select("img[alt]"):
            picture.replace_with(f"\n{picture['alt']}\n")
        for block in body.select(_BLOCKS):
            block.insert_before("\n")
            block.insert_after("\n")
        return list(split(body.get_text()))


def split(text: str) -> Iterator[str]:
    """Yield the sentences of a text that has a line for each of its blocks."""
    for line in text.splitlines():
        words = " ".join(line.split())
        for sentence in _END.split(_BULLET.sub("", words)):
            if sentence and not _FORMULA.search(sentence):
                yield sentence


def numbers(said: Iterable[str], sentences: Sequence[Sentence], month: str) -> Mapping[str, Number]:
    """Return the numbers that the sentences hold, by the names of their groups.

    A sentence that says something else than its forms, or is about another month than `month` (`March 2026`),
    is an error, and so is a number that is said twice and differently. What is not said is not there.
    """
    found: dict[str, Number] = {}
    for line in said:
        for sentence in sentences:
            if sentence.cue.search(line):
                for name, number in _read(line, sentence, month).items():
                    if found.setdefault(name, number) != number:
                        raise SourceChanged(f"{name} as {found[name].value:g}", f"{number.value:g} too")
    return found


def number(written: str) -> Number:
    """Return a written count, mean or percentage. In a percentage a comma stands for the point."""
    digits = re.sub(r"[^\d.,]", "", written)
    is_share = not written[-1].isdigit()
    digits = digits.replace(",", "." if is_share else "")
    value = float(digits)
    if is_share and value > 100:
        raise SourceChanged("a percentage up to 100", reading.short(written))
    return Number(value, len(digits.partition(".")[2]))


def _read(line: str, sentence: Sentence, month: str) -> dict[str, Number]:
    matches = [match for form in sentence.forms for match in form.finditer(line)]
    if len(matches) != 1:
        raise SourceChanged(f"{sentence.what} in words that are known", reading.short(line))
    groups = {name: written for name, written in matches[0].groupdict().items() if written is not None}
    about = groups.pop("month", month)
    if about != month:
        raise SourceChanged(f"{sentence.what} of {month}", reading.short(line))
    return {name: number(written) for name, written in groups.items()}
