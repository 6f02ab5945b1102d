"""The command line as a person meets it: a command, its status, and what it prints on either stream."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from bot.__main__ import main
from bot.settings import Settings

CAMPAIGN = """
[campaign]
name = "Test"
sources = ["talking_therapies_monthly"]

[[petition]]
source = "parliament_petition"
id = 5
goal = 1000
"""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one document on standard output."""
        return json.loads(self.out)


def figurewatch(environment: Mapping[str, str], *words: str) -> Said:
    """Run a command with these settings and no others; an error that nobody expected is raised."""
    bare: dict[str, str | None] = dict.fromkeys((name.upper() for name in Settings.model_fields), None)
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        env = {**bare, "COLUMNS": "100", **environment}
        result = CliRunner().invoke(main, words, prog_name="figurewatch", env=env)
    finally:
        logging.captureWarnings(False)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def settings_in(folder: Path, **more: str) -> dict[str, str]:
    """Return settings with a store and a campaign of one petition in `folder`."""
    campaign = folder / "campaign.toml"
    campaign.write_text(CAMPAIGN, encoding="utf-8")
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'figurewatch.db'}",
        "CAMPAIGN_FILE": str(campaign),
        "WEB_PAUSE": "0",
        **more,
    }
