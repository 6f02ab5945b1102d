"""Which words a language must know: `python -m docs.words` names what each catalogue lacks, or has too much.

What is printed of a catalogue is lines to put into it, each English text with nothing on the right yet.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import scrapers
from bot.rules.keys import KEYS
from bot.rules.measures import DERIVED, PUBLISHED
from bot.wording.language import FOLDER, PLURAL

ROOT = Path(__file__).parents[1]
TEXTS = {"t": 1, "later": 1, "n": 2}  # how many of their arguments are texts


def written() -> Iterator[str]:
    """Yield every text that is written in the program to be looked up."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for argument in node.args[: TEXTS.get(node.func.id, 0)]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def named() -> Iterator[str]:
    """Yield what sources and rules call their figures, which is looked up too."""
    for name in scrapers.names():
        source = scrapers.load(name)
        yield source.caution
        for headline in source.headlines:
            yield from (headline.label, headline.of, headline.of.removeprefix("of "), headline.caution)
    for share in (*DERIVED.values(), *PUBLISHED.values()):
        yield from (share.title, share.of)
    for key in KEYS:
        yield from (key.title, key.share.of if key.share else "")


@cache
def texts() -> frozenset[str]:
    """Return every text that a catalogue translates."""
    return frozenset({*written(), *named()} - {""})


def placeholders(text: str) -> list[str]:
    """Return the names in a text that are filled in."""
    return sorted(re.findall(r"{(\w*)}", text))


def differences(known: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """Return the texts that a catalogue lacks, and those that are said nowhere any more."""
    return sorted(texts() - known.keys()), sorted(known.keys() - texts())


def main() -> None:
    """Print for every catalogue what it lacks, and what is to be taken out of it."""
    for path in sorted(FOLDER.glob("*.toml")):
        lacks, gone = differences(_read(path))
        print(f"# {path.name} lacks {len(lacks)} texts")  # noqa: T201
        for text in lacks:
            print(f'{json.dumps(text, ensure_ascii=False)} = ""')  # noqa: T201
        for text in gone:
            print(f"# said nowhere any more: {text}")  # noqa: T201


def _read(path: Path) -> dict[str, object]:
    catalogue = tomllib.loads(path.read_text(encoding="utf-8"))
    catalogue.pop(PLURAL, None)
    return catalogue


if __name__ == "__main__":
    main()
