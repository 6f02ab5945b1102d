"""What the measures of the annual reports mean: the metadata workbook of NHS Talking Therapies, annual.

NHS England publishes one with each report (`psych-ther-ann-2024-25-meta.xlsx`). Sheet `Data measures (main)`,
under a title, has a row for each column of the main file: 41 measures in 2024-25, and the six columns that
say of whom a row is, which are left out. The smaller files and the breakdowns have sheets of their own, which
are not read. A measure has no number here: it is known by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scrapers.toolkit import definitions, nhs_digital
from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.reading import short

_OF_WHOM = ("OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB")
_ID = re.compile(r"(?:Count|Percentage|Mean|Median|Sum)_[A-Z]\w*")


class TalkingTherapiesAnnualMetadata(definitions.DefinitionsScraper):
    """The definitions behind the annual figures of NHS Talking Therapies."""

    title = "NHS Talking Therapies, definitions of the annual measures"
    url = nhs_digital.SITE + "nhs-talking-therapies-for-anxiety-and-depression-annual-reports"
    file = re.compile(r"psych-ther-ann-20\d\d-\d\d-meta(?:[-_]v?\d)?\.xlsx")
    sheet = "Data measures (main)"
    headers = (("CSV field name", "Description of measure", "Technical construction", "Additional notes"),)
    keys = ("id", "definition", "construction", "notes")

    def is_measure(self, row: Mapping[str, str]) -> bool:
        """Return whether a row is a measure, and not a column that says of whom."""
        if row["id"] in _OF_WHOM:
            return False
        if not _ID.fullmatch(row["id"]):
            raise SourceChanged("a measure's name such as Count_Recovery", short(row["id"]))
        definitions.filled(row, "definition", "construction")
        return True
