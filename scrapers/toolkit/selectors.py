"""What selects an element and no other of its page: by the names that it has, rather than by its place."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_NAME = re.compile(r"[A-Za-z][\w-]*")


class Selector:
    """Selects elements of one page."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._ids: Counter[str] = Counter()
        self._classes: Counter[tuple[str, str]] = Counter()
        self._attributes: Counter[tuple[str, str]] = Counter()
        self._tags: Counter[str] = Counter()
        self._places: dict[tuple[int, str], dict[int, int]] = {}
        for node in soup.find_all(True):
            self._tags[node.name] += 1
            self._ids[str(node.get("id", ""))] += 1
            self._classes.update((node.name, name) for name in classes(node))
            self._attributes.update((node.name, name) for name in node.attrs)

    def of(self, node: Tag, having: str = "") -> str:
        """Return a selector of an element; `having` is an attribute that may tell it from others."""
        if own := self._own(node, having):
            return own
        parent = node.parent
        if parent is None or parent.name in ("body", "html", "[document]"):
            return f"body > {self._step(node)}"
        return f"{self.of(parent)} > {self._step(node)}"

    def _own(self, node: Tag, having: str) -> str:
        id_ = str(node.get("id", ""))
        if _NAME.fullmatch(id_) and self._ids[id_] == 1:
            return f"#{id_}"
        for name in classes(node):
            if self._classes[node.name, name] == 1:
                return f"{node.name}.{name}"
        for name in (
            *([having] if having else []),
            *(name for name in node.attrs if name.startswith("data-")),
        ):
            if self._attributes[node.name, name] == 1:
                return f"{node.name}[{name}]"
        return node.name if self._tags[node.name] == 1 else ""

    def _step(self, node: Tag) -> str:
        """Return what selects an element among those beside it."""
        kind = (id(node.parent), node.name)
        if kind not in self._places:
            beside = node.parent.find_all(node.name, recursive=False) if node.parent else [node]
            self._places[kind] = {id(one): place for place, one in enumerate(beside, start=1)}
        places = self._places[kind]
        return node.name if len(places) == 1 else f"{node.name}:nth-of-type({places[id(node)]})"


def classes(node: Tag) -> list[str]:
    """Return the classes of an element that can stand in a selector."""
    found = node.get("class")
    return [name for name in found if _NAME.fullmatch(name)] if isinstance(found, list) else []
