"""What the measures of NHS Talking Therapies mean: the metadata workbook of the monthly statistics.

NHS England replaces the workbook now and then; the day of its publication is in its name, and the pages of
the monthly statistics link to it. Sheet `Measures`, under a title and a version history, has a row for each
measure (343 in July 2026) and one for each breakdown of the quarterly files (138). Breakdowns share their
numbers; they are checked and left out. One version had rows that were blank. Names differ at times from those
in the data, so that both are known by id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scrapers.toolkit import definitions, nhs_digital
from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.reading import short

_HEADINGS = (
    "Meaure Type",
    "Frequency",
    "Measure reference number",
    "Measure name",
    "Description of measure (where possible measures are described in terms of the classes of information "
    "defined in NHS Data Dictionary)",
    "UIDs of derivations used (defined in Technical Output Specification)",
    "Tables used",
    "Construction",
)
_BREAKDOWN = "Variable"
_TYPES = ("Core", "EA", "LTC", _BREAKDOWN)
_FREQUENCIES = ("Monthly", "Quarterly", "Monthly/Quarterly")
_ID = re.compile(r"(?:M|EA)\d{3,4}")


class TalkingTherapiesMetadata(definitions.DefinitionsScraper):
    """The definitions behind the monthly figures of NHS Talking Therapies."""

    title = "NHS Talking Therapies, definitions of the measures"
    url = nhs_digital.SITE + "nhs-talking-therapies-monthly-statistics-including-employment-advisors"
    file = re.compile(r"nhstalkingtherapies-monthly-metadata-20\d{6}(?:[-_]v?\d)?\.xlsx")
    sheet = "Measures"
    headers = (_HEADINGS, ("Measure Type", *_HEADINGS[1:]))  # so that mending a slip of theirs is no trouble
    keys = ("type", "frequency", "id", "name", "definition", "derivations", "tables", "construction")

    def is_measure(self, row: Mapping[str, str]) -> bool:
        """Return whether a row is a measure, and not a breakdown of many."""
        definitions.one_of(row, "type", _TYPES)
        definitions.one_of(row, "frequency", _FREQUENCIES)
        definitions.filled(row, "name", "definition", "construction")
        if row["type"] == _BREAKDOWN:
            return False
        if not _ID.fullmatch(row["id"]):
            raise SourceChanged("a measure's number such as M001", short(row["id"]))
        return True
