"""Who may import whom, and where each library lives."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("scrapers", "state", "bot", "tests", "bench")

# A library that is not listed may be imported anywhere in our packages. A home is a module or a package.
HOMES = {
    "sqlalchemy": {"state"},
    "alembic": {"state"},
    "psycopg": {"state"},
    "telegram": {"bot.delivery", "bot.commands"},
    "httpx": {"scrapers.toolkit.web", "bot.delivery", "bot.operate"},
    "httpcore": {"scrapers.toolkit.web", "scrapers.toolkit.public"},
    "stamina": {"scrapers.toolkit.web"},
    "bs4": {"scrapers.toolkit.reading"},
    "lxml": {"scrapers.toolkit.reading"},
    "re2": {"scrapers.toolkit.places"},
    "pandas": set[str](),  # the tests compare with it
    "pyarrow": {"scrapers.toolkit.tables"},
    "python_calamine": {"scrapers.toolkit.tables"},
    "numpy": {"scrapers", "bot.rules", "bot.wording", "bot.analysis", "bot.judge"},
    "matplotlib": {"bot.wording.plots"},
    "pydantic": {"bot.settings", "bot.campaign"},
    "pydantic_settings": {"bot.settings"},
    "apscheduler": {"bot.worker"},
    "prometheus_client": {"bot.operate.metrics"},
    "click": {"bot.__main__", "bot.cli", "bot.listing", "bot.operate", "scrapers.__main__"},
}
# These cost a small command its quick start: even at home they are imported where they are used.
HEAVY = {
    "alembic",
    "bs4",
    "lxml",
    "matplotlib",
    "numpy",
    "pandas",
    "psycopg",
    "pyarrow",
    "python_calamine",
    "telegram",
}
ALEMBIC_RUNS = "state.migrations"  # what Alembic itself loads

When = Literal["at once", "when used", "for types"]


class Import(NamedTuple):
    """Which of our modules imports what, and when that runs."""

    module: str
    target: str
    when: When

    def __str__(self) -> str:
        return f"{self.module} imports {self.target}"


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def targets(node: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = module.split(".")
        above = parts[: len(parts) - node.level + is_package] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def imports_of(path: Path) -> Iterator[Import]:
    """Yield the imports of a file."""
    module, is_package = name_of(path), path.name == "__init__.py"

    def walk(node: ast.AST, when: When) -> Iterator[Import]:
        for target in targets(node, module, is_package):
            yield Import(module, target, when)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            when = "when used"
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            when = "for types"
        for child in ast.iter_child_nodes(node):
            yield from walk(child, when)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "at once")


IMPORTS = [found for top in OURS for path in sorted((ROOT / top).rglob("*.py")) for found in imports_of(path)]
PRODUCT = [found for found in IMPORTS if found.module.split(".")[0] not in ("tests", "bench")]
RUNNING = [found for found in PRODUCT if found.when != "for types"]


def complaints(wrong: Iterator[Import]) -> list[str]:
    return sorted({str(found) for found in wrong})


def test_nothing_imports_the_worker_but_the_worker_and_its_tests() -> None:
    inside = ("bot", "tests", "bench")
    assert not complaints(
        found
        for found in IMPORTS
        if within(found.target, "bot") and not any(within(found.module, home) for home in inside)
    )


def test_the_store_knows_of_the_sources_only_their_contract() -> None:
    assert not complaints(
        found
        for found in PRODUCT
        if within(found.module, "state")
        and within(found.target, "scrapers")
        and not within(found.target, "scrapers.toolkit.contract")
    )


def test_the_sources_do_not_know_the_store() -> None:
    assert not complaints(
        found for found in PRODUCT if within(found.module, "scrapers") and within(found.target, "state")
    )


def sources() -> list[str]:
    return [
        f"scrapers.{path.stem}" for path in (ROOT / "scrapers").glob("*.py") if not path.stem.startswith("_")
    ]


def test_a_source_imports_the_toolkit_and_the_standard_library_only() -> None:
    allowed = {
        "scrapers.toolkit",
        *sys.stdlib_module_names,
        "numpy",
    }  # the toolkit's tables give out its arrays
    assert not complaints(
        found
        for found in RUNNING
        if found.module in sources() and not any(within(found.target, home) for home in allowed)
    )


def test_the_toolkit_knows_no_source() -> None:
    assert not complaints(
        found
        for found in PRODUCT
        if within(found.module, "scrapers.toolkit")
        and within(found.target, "scrapers")
        and not within(found.target, "scrapers.toolkit")
    )


def test_the_product_does_not_import_its_tests() -> None:
    assert not complaints(
        found for found in PRODUCT if found.target.split(".")[0] in ("tests", "bench", "pytest", "hypothesis")
    )


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_is_imported_only_at_home(library: str) -> None:
    assert not complaints(
        found
        for found in RUNNING
        if within(found.target, library) and not any(within(found.module, home) for home in HOMES[library])
    )


@pytest.mark.parametrize("library", sorted(HEAVY))
def test_a_heavy_library_is_imported_only_where_it_is_used(library: str) -> None:
    assert not complaints(
        found
        for found in PRODUCT
        if found.when == "at once"
        and within(found.target, library)
        and not within(found.module, ALEMBIC_RUNS)
    )


@pytest.mark.parametrize("folder", ["bot/rules", "bot/wording"])
def test_rules_and_wording_touch_no_clock_database_or_network(folder: str) -> None:
    outside = ("asyncio", "httpx", "socket", "sqlalchemy", "state.store", "telegram", "time")
    assert not complaints(
        found
        for found in PRODUCT
        if within(found.module, folder.replace("/", "."))
        and any(within(found.target, home) for home in outside)
    )


@pytest.mark.parametrize(
    ("folder", "below"),
    [
        ("bot.rules", {"bot.rules"}),
        ("bot.wording", {"bot.wording", "bot.rules"}),
    ],
)
def test_rules_know_no_words_and_wording_no_worker(folder: str, below: set[str]) -> None:
    allowed = {*below, "state.records", "scrapers.toolkit.contract"}
    assert not complaints(
        found
        for found in PRODUCT
        if within(found.module, folder)
        and found.target.split(".")[0] in OURS
        and not any(within(found.target, home) for home in allowed)
    )


def test_only_the_way_in_knows_the_commands() -> None:
    assert not complaints(
        found
        for found in PRODUCT
        if within(found.target, "bot.cli")
        and not any(within(found.module, home) for home in ("bot.cli", "bot.__main__"))
    )
