"""The publisher's list of measures, when it changes: what is remembered, and what a person is asked.

What counts as a change is said in `bot.rules.meanings`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.rules.findings import DefinitionsChanged
from bot.rules.meanings import SOURCES, compare, meanings
from scrapers.toolkit.contract import Fact, Scraper
from state.records import Content
from state.store import Writer


def save_facts(
    tx: Writer, source: Scraper, content: Content, followed: Collection[str], now: datetime
) -> list[DefinitionsChanged]:
    """Remember what a release says beside its numbers, and return what to ask of the followed measures.

    A measure that left the list means nothing from then on. On a first look there is nothing to ask.
    """
    before = tx.save_facts(source.key, content.facts, now)
    if source.key not in SOURCES:
        return []
    listed = dict(content.facts)
    tx.save_facts(source.key, [Fact(measure, None) for measure in before if measure not in listed], now)
    found = compare(meanings(before), meanings(listed))
    asked = found.of(followed) if before else ()
    if not asked:
        return []
    counts = len(found.renamed), len(found.new), len(found.removed)
    return [DefinitionsChanged(f"definitions:{content.release.fingerprint}", content.release, asked, *counts)]
