"""Numbers and periods as pages write them, read in one declared form: any other is news."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.reading import MONTHS, short

PLAIN = "1234.5"  # how a number is written unless an entry says otherwise
MAGNITUDES: Mapping[str, int] = {
    "k": 10**3,
    "thousand": 10**3,
    "m": 10**6,
    "mn": 10**6,
    "million": 10**6,
    "bn": 10**9,
    "billion": 10**9,
}

_LONGEST = 200  # characters of a text that is a number
_MOST_DIGITS = 15  # more would not survive as a float
_WORDS = "|".join(sorted(MAGNITUDES, key=len, reverse=True))
# Grouped digits are tried before plain ones. A space may be any that pages put between digits.
NUMBER = re.compile(
    rf"(?<![\w.,£])[-−]?(?P<pound>£)?(?P<digits>\d{{1,3}}(?:,\d{{3}})+|\d{{1,3}}(?: \d{{3}})+|\d+)"
    rf"(?P<decimals>\.\d+)?(?P<suffix> ?%| per cent| ?(?:{_WORDS})\b)?(?![\w]|[.,]\d)",
    re.IGNORECASE,
)
_QUARTERS = re.compile(r"Q([1-4]) (\d{4})|(\d{4})[ -]Q([1-4])")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9}) (\d{4})|(\d{4}) ([A-Za-z]{3,9})")
_ISO_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
_YEARS = re.compile(r"(\d{4})[-–/](\d{2}|\d{4})")


@dataclass(frozen=True, slots=True)
class Written:
    """How a page writes a number: before it, between its thousands, after it.

    `magnitude` is what the words after it stand for: 1,000,000 in `£1.2 million`.
    """

    pound: bool
    thousands: str  # "," or " ", or nothing between them
    decimals: bool
    suffix: str
    example: str

    @classmethod
    def like(cls, example: str) -> Written:
        """Return the form of an example. Raises ValueError where it is in none that is known."""
        match = NUMBER.fullmatch(" ".join(example.split()))
        if match is None:
            known = "'1234', '1,234', '1 234', '51.2%', '£1,234', '1.2 million', '£0.9bn'"
            raise ValueError(f"written: expected a number like {known}, found {example!r}")
        digits, suffix = match["digits"], match["suffix"] or ""
        thousands = "," if "," in digits else " " if " " in digits else ""
        return cls(bool(match["pound"]), thousands, bool(match["decimals"]), suffix, example)

    @property
    def magnitude(self) -> int:
        """Return what the words after the number multiply it by."""
        return MAGNITUDES.get(self.suffix.strip().casefold(), 1)

    @property
    def percent(self) -> bool:
        """Return whether it is marked as a percentage."""
        return self.suffix.strip() in ("%", "per cent")

    def number(self, found: str) -> Decimal:
        """Return the number written in a text, without its magnitude; SourceChanged for another form."""
        between = re.escape(self.thousands)
        whole = rf"(?:0|[1-9]\d{{0,2}}(?:{between}\d{{3}})*)" if self.thousands else r"(?:0|[1-9]\d{0,14})"
        decimals = r"(?:\.\d{1,17})?" if self.decimals else ""
        form = rf"([-−]?){'£' if self.pound else ''}({whole}{decimals}){re.escape(self.suffix)}"
        text = " ".join(found.split()) if len(found) <= _LONGEST else found
        match = re.fullmatch(form, text, re.ASCII)
        if match is None or len(re.sub(r"\D", "", match[2].partition(".")[0])) > _MOST_DIGITS:
            raise SourceChanged(f"a number written like {self.example}", short(found))
        number = Decimal(match[2].replace(self.thousands, "") if self.thousands else match[2])
        return -number if match[1] else number


def period(text: str) -> str:
    """Return `2026-03` for March 2026, `2025-26` for 2025/26, `2025-Q3` for Q3 2025, else SourceChanged.

    What could be a month is one, so that financial years begin with 2012-13.
    """
    said = " ".join(text.split()) if len(text) <= _LONGEST else text
    if _ISO_MONTH.fullmatch(said):
        return said
    if match := _QUARTERS.fullmatch(said):
        return f"{match[2] or match[3]}-Q{match[1] or match[4]}"
    if (match := _MONTH_FIRST.fullmatch(said)) and (month := _month(match[1] or match[4])):
        return f"{match[2] or match[3]}-{month:02}"
    if match := _YEARS.fullmatch(said):
        after = str(int(match[1]) + 1)
        if match[2] in (after, after[-2:]):
            return f"{match[1]}-{after[-2:]}"
    raise SourceChanged("a period such as March 2026, 2025-26 or Q3 2025", short(text))


def _month(name: str) -> int | None:
    """Return the number of a month, whose name may be cut to three letters."""
    for number, month in enumerate(MONTHS, start=1):
        if name.casefold() in (month.casefold(), month[:3].casefold()):
            return number
    return None
