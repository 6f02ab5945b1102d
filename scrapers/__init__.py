"""The sources: one module each, found by scanning this folder.

To add one:

1. Write `scrapers/NAME.py` with one subclass of `scrapers.toolkit.contract.Scraper`: what it is, whom it may
   ask and how often, then how to read it. Take the strict readers from `scrapers.toolkit.reading`.
2. Try it for real and keep what it read: `python -m scrapers NAME --url ADDRESS --save`.
3. Look at the saved `tests/captures/NAME/DATE/figures.txt`, and compare it with the page.
4. Run `make test`: `tests/test_every_scraper.py` covers the whole folder.

CONTRIBUTING.md has a whole source to begin with.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from scrapers.toolkit.contract import Scraper


@cache
def names() -> tuple[str, ...]:
    """Return the names of all sources, without importing any."""
    return tuple(sorted(m.name for m in iter_modules(__path__) if not m.ispkg and not m.name.startswith("_")))


@cache
def load(name: str) -> type[Scraper]:
    """Return the source of that name, importing only its module. Raises ValueError for an unknown name."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise ValueError(f"no source is called {name!r}: {hint}")
    module = import_module(f"{__name__}.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Scraper) and value.__module__ == module.__name__
    ]
    if len(found) != 1 or found[0].name != name:
        raise ValueError(f"scrapers/{name}.py must hold one Scraper, of the module's name")
    return found[0]
