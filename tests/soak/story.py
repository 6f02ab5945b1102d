"""What happens in the world while a soak lasts, whatever a worker makes of it. It follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Literal

from bot.rules.periods import shifted
from tests.fakes.nhs import Issue, england, introduction, month_file

BEHIND = 15  # months
NEWEST = "2026-03"
FIGURES = dict[str, float]
Page = Literal["none", "right", "other", "silent", "gone", "redesigned"]
File = Literal["right", "late", "refused", "believed", "replaced"]
PAGES: tuple[Page, ...] = ("right", "right", "right", "other", "none", "silent", "gone", "redesigned")
FILES: tuple[File, ...] = ("right", "right", "right", "late", "refused", "believed", "replaced")


@dataclass(frozen=True, slots=True)
class Month:
    """A monthly release: what its file says, and how page and file are when it comes out.

    A file that is `late` or `refused` is mended; one that is hard to believe is `believed`, or `replaced`.
    What somebody is asked about it is told or dropped, as `answer` says; `corrected` are the referrals that
    it says a day later, in the night.
    """

    period: str
    figures: FIGURES
    page: Page = "right"
    file: File = "right"
    answer: bool = True
    corrected: int | None = None

    @property
    def said(self) -> FIGURES:
        """Return what the file says in the end, but for a correction."""
        return {**self.figures, "M001": IMPLAUSIBLE} if self.file == "believed" else self.figures

    @property
    def now(self) -> FIGURES:
        """Return what the file says when all is over."""
        return {**self.said, "M001": self.corrected} if self.corrected else self.said


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens at one time: how much each petition gains, and which release comes out or is corrected."""

    at: datetime
    gains: Mapping[int, int]
    month: Month | None = None
    correction: Month | None = None


IMPLAUSIBLE = 1_400_010


def figures_of(period: str, **counts: int) -> FIGURES:
    """Return a month like every other, but for these counts. No two have the same referrals."""
    number = int(period[5:]) + 12 * int(period[:4])
    wobble = 60 * (number % 5 - 2)
    counts = {"six_weeks": 52_000 + wobble, **counts}
    return england(160_000 + 10 * wobble + number % 100, **counts)


def day_of(period: str) -> date:
    """Return when a month comes out: on the twelfth, six weeks after its end."""
    out = shifted(period, 2)
    return date(int(out[:4]), int(out[5:]), 12)


def issue_of(
    period: str,
    figures: FIGURES,
    *,
    edited: str = "9:30 am",
    page: Page = "none",
    said: FIGURES | None = None,
) -> Issue:
    """Return a release as the site has it, last edited at this time of its day.

    Its page says what its file does, or what is `said`, or something `other`.
    """
    day = day_of(period)
    said = said or figures
    if page == "other":
        said = {**said, "M001": said["M001"] + 4}
    sentences = introduction(period, said) if page != "none" else []
    if page == "redesigned":
        sentences = [f"{said['M001']:,.0f} referrals, all of them new, were received."]
    return Issue(
        period,
        day,
        body=month_file(period, figures).encode(),
        edited=f"{day.day} {day:%B %Y} {edited}",
        introduction=sentences,
    )


def past() -> list[Issue]:
    """Return the releases that are out before it begins."""
    months = [shifted(NEWEST, -back) for back in range(BEHIND - 1, -1, -1)]
    return [issue_of(period, figures_of(period)) for period in months]


@dataclass(slots=True)
class Story:
    """The turns of a seed, and the months in them."""

    turns: list[Turn] = field(default_factory=list)

    @property
    def months(self) -> list[Month]:
        """Return the monthly releases that come out."""
        return [turn.month for turn in self.turns if turn.month]


def story_of(seed: int, petitions: tuple[int, ...]) -> Story:
    """Return three turns: a month comes out, may be corrected at night, and the next may come out."""
    chance = random.Random(f"story {seed}")
    first = _month(shifted(NEWEST, 1), chance)
    story = Story([_turn(first.period, chance, petitions, month=first)])
    corrected = first if first.corrected else None
    story.turns.append(_turn(first.period, chance, petitions, correction=corrected, night=True))
    other = replace(_month(shifted(NEWEST, 2), chance), corrected=None)
    if first.file == "believed":  # nothing is too large after that
        other = replace(other, file="right")
    second = other if chance.random() < 0.5 else None
    story.turns.append(_turn(shifted(NEWEST, 2), chance, petitions, month=second))
    return story


def _moved() -> Story:
    """Return a story in which one watched figure moves, and the month is corrected at night."""
    period = shifted(NEWEST, 1)
    figures = figures_of(period, six_weeks=49_000)
    month = Month(period, figures, corrected=int(figures["M001"]) + 17)
    chance = random.Random("moved")
    out = _turn(period, chance, (1, 2), month=month)
    return Story([out, _turn(period, chance, (1, 2), correction=month, night=True)])


def calm_months(number: int) -> list[Month]:
    """Return so many months with which nothing is wrong."""
    periods = [shifted(NEWEST, ahead) for ahead in range(1, number + 1)]
    return [Month(period, figures_of(period)) for period in periods]


def _month(period: str, chance: random.Random) -> Month:
    counts = {}
    if chance.random() < 0.6:
        counts["six_weeks"] = 49_000
    if chance.random() < 0.4:
        counts["reliably_recovered"] = 11_000
    figures = figures_of(period, **counts)
    corrected = int(figures["M001"]) + 17 if chance.random() < 0.5 else None
    page, file = chance.choice(PAGES), chance.choice(FILES)
    return Month(period, figures, page, file, chance.random() < 0.7, corrected)


def _turn(
    period: str,
    chance: random.Random,
    petitions: tuple[int, ...],
    *,
    month: Month | None = None,
    correction: Month | None = None,
    night: bool = False,
) -> Turn:
    day = day_of(period)
    hour, minute = (22, 30) if night else (8, 31)
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
    gains = {number: chance.randint(1, 3) for number in petitions}
    if chance.random() < 0.3:
        gains[petitions[-1]] = 400  # a surge
    return Turn(at, gains, month, correction)


MOVED = _moved()
