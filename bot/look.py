"""What a look at a source asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Look:
    """What to ask of a source: all that `check` reads, the overview alone, or some releases' own pages."""

    kind: Literal["full", "listed", "visit"] = "full"
    keys: tuple[str, ...] = ()


FULL = Look()
LISTED = Look("listed")
