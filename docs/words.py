"""Which words a language must know: `python -m docs.words` renews each catalogue's list of untranslated ones.

A text that is new is added to that list, and said in English until somebody translates it; one that is gone
is named, for its translation must be taken out by hand.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import scrapers
from bot.rules.keys import KEYS
from bot.rules.measures import DERIVED, PUBLISHED
from bot.wording.language import FOLDER, UNTRANSLATED

ROOT = Path(__file__).parents[1]
TEXTS = {"t": 1, "later": 1, "n": 2}  # how many of their arguments are texts
HEAD = f"[{UNTRANSLATED}]"


def written() -> dict[str, str]:
    """Return every text that is written in the program to be looked up, with the file that says it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for argument in node.args[: TEXTS.get(node.func.id, 0)]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        found.setdefault(argument.value, str(path.relative_to(ROOT)))
    return found


def named() -> Iterator[str]:
    """Yield what sources and rules call their figures, which is looked up too."""
    for name in scrapers.names():
        source = scrapers.load(name)
        yield source.caution
        for headline in source.headlines:
            yield from (headline.label, headline.of, headline.caution)
    for share in (*DERIVED.values(), *PUBLISHED.values()):
        yield from (share.title, share.of)
    for key in KEYS:
        yield from (key.title, key.share.of if key.share else "")


@cache
def texts() -> tuple[str, ...]:
    """Return every text that a catalogue translates, or lists as untranslated."""
    return tuple(sorted({*written(), *named()} - {""}))


def placeholders(text: str) -> list[str]:
    """Return the names in a text that are filled in."""
    return sorted(re.findall(r"{(\w*)}", text))


def listed(path: Path) -> tuple[dict[str, str], list[str]]:
    """Return what a catalogue translates, and what it says that it leaves in English."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    untranslated = document.pop(UNTRANSLATED)["texts"]
    return document, untranslated


def renew(path: Path) -> list[str]:
    """Write a catalogue's list of untranslated texts anew; return the translations of texts that are gone."""
    translated, _ = listed(path)
    missing = [text for text in texts() if text not in translated]
    kept = path.read_text(encoding="utf-8").partition(HEAD)[0]
    lines = [HEAD, "texts = [", *(f"    {_quoted(text)}," for text in missing), "]"]
    path.write_text(kept + "\n".join(lines) + "\n", encoding="utf-8")
    return sorted(translated.keys() - set(texts()))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    """Bring every catalogue up to date, and say what is to be taken out of it."""
    for path in sorted(FOLDER.glob("*.toml")):
        gone = renew(path)
        print(f"{path.name}: {len(listed(path)[1])} texts are said in English")  # noqa: T201
        for text in gone:
            print(f"  said nowhere any more: {text}")  # noqa: T201


if __name__ == "__main__":
    main()
