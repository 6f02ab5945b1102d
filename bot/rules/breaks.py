"""Breaks: where a figure changed its meaning, as a person who looked at it wrote down in breaks.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bot.rules import periods
from bot.rules.measures import DERIVED

FILE = Path(__file__).with_name("breaks.toml")


class BreaksError(ValueError):
    """Name every entry of the file of breaks that cannot be used."""


@dataclass(frozen=True, slots=True)
class Break:
    """A figure means something else from `period` on: why, and who says so.

    One without measures is of an area: from then on it is another organisation.
    """

    period: str
    measures: tuple[str, ...]
    reason: str
    says: str


Breaks = Mapping[str, tuple[Break, ...]]  # measure -> its breaks, oldest first
Restarts = Mapping[str, Sequence[str]]  # code of an area -> the months with which its series begin anew


def shipped_breaks() -> Breaks:
    """Return the breaks that ship. Raises BreaksError."""
    return parse_breaks(tomllib.loads(FILE.read_text(encoding="utf-8")))


def parse_breaks(document: Mapping[str, Any]) -> Breaks:
    """Return the breaks of a TOML document by measure, or raise BreaksError that names every fault."""
    faults = [f"[{key}] is not known; expected [[break]]" for key in document if key != "break"]
    entries = document.get("break", [])
    if not isinstance(entries, list):
        raise BreaksError("[break] must be written [[break]], for there may be several")
    found = []
    for number, entry in enumerate(entries, 1):
        wrong = list(_faults(entry))
        faults += [f"[[break]] {number}: {fault}" for fault in wrong]
        if not wrong:
            found.append(Break(**{**entry, "measures": tuple(entry["measures"])}))
    said = [(measure, one.period) for one in found for measure in one.measures]
    faults += [f"{m} breaks twice at {p}" for m, p in sorted({one for one in said if said.count(one) > 1})]
    if faults:
        raise BreaksError("\n".join(faults))
    found.sort(key=lambda one: one.period)
    return {measure: tuple(one for one in found if measure in one.measures) for measure, _ in said}


def of_area(breaks: Breaks, measure: str, restarts: Iterable[str]) -> Breaks:
    """Return the breaks of a measure in an area whose series begin anew with these months."""
    merged = (Break(month, (), "another organisation", "NHS Organisation Data Service") for month in restarts)
    return {measure: tuple(sorted((*breaks.get(measure, ()), *merged), key=lambda one: one.period))}


def last_break(breaks: Breaks, measure: str, period: str) -> Break | None:
    """Return the last break of a measure up to and including `period`."""
    return next((one for one in reversed(breaks.get(measure, ())) if one.period <= period), None)


def start(breaks: Breaks, measure: str, period: str) -> str:
    """Return the first period that can be compared with this one; empty where nothing ever broke."""
    found = last_break(breaks, measure, period)
    return found.period if found else ""


def _faults(entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"expected keys and values, found {entry!r}"
        return
    keys = [field.name for field in fields(Break)]
    for key in entry:
        if key not in keys:
            yield f"unknown key {key!r}; expected {', '.join(keys)}"
    for key in ("period", "reason", "says"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            yield f"{key}: expected words, found {entry.get(key)!r}"
    if isinstance(entry.get("period"), str) and periods.kind(entry["period"]) == "reading":
        yield f"period: expected a month, a quarter or a financial year, found {entry['period']!r}"
    measures = entry.get("measures")
    if not isinstance(measures, list) or not measures:
        yield f"measures: expected codes and names, found {measures!r}"
        return
    for measure in measures:
        if not isinstance(measure, str) or not (measure in DERIVED or re.fullmatch(r"M\d{3,4}", measure)):
            yield f"measures: expected a code like M344 or a derived name, found {measure!r}"
