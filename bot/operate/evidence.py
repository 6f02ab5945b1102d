"""Put aside pages that could not be read, beside the last good ones, for whoever mends the reader."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

from scrapers.toolkit.contract import Scraper, SourceChanged
from state.store import Store

log = logging.getLogger("figurewatch.evidence")

MOST_KEPT = 20
PAGE = 1024 * 1024  # bytes of a page; of what is longer only its beginning is kept
BEGINNING = 64 * 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """Keeps what could not be read in folders named by time and source, without any of the secrets."""

    folder: Path
    store: Store
    secrets: Sequence[str]
    clock: Callable[[], datetime]

    def keep(self, source: Scraper, changed: SourceChanged) -> str:
        """Keep a page beside the last good one; return where, or nothing where that cannot be written."""
        good = next(iter(self.store.pages([changed.url])), None) if changed.url else None
        now = self.clock().astimezone(UTC)
        case = self.folder / f"{now:%Y-%m-%dT%H%M%SZ}-{re.sub(r'[^A-Za-z0-9_.]', '-', source.key)}"
        about = (
            f"source: {source.key}\nseen: {now:%Y-%m-%d %H:%M:%S} UTC\naddress: {changed.url or '-'}\n"
            f"expected: {changed.expected}\nfound: {changed.found}\n"
        )
        pages = {"found": changed.body, "last-good": good.body if good else b""}
        try:
            case.mkdir(parents=True, exist_ok=True)
            (case / "about.txt").write_bytes(self._hidden(about.encode()))
            for name, body in pages.items():
                if body:
                    (case / f"{name}{_suffix(changed.url)}").write_bytes(self._hidden(_beginning(body)))
            for old in kept(self.folder)[MOST_KEPT:]:
                shutil.rmtree(old)
        except OSError as error:
            log.warning("a page of %s could not be put aside: %s", source.key, error.strerror)
            return ""
        return str(case)

    def _hidden(self, body: bytes) -> bytes:
        for secret in self.secrets:
            body = body.replace(secret.encode(), b"[secret]")
        return body


def folder_of(evidence_dir: str | None, database: str) -> Path:
    """Return where evidence is kept: as set, else beside the SQLite file, else among temporary files."""
    if evidence_dir:
        return Path(evidence_dir)
    scheme, _, file = database.partition(":///")
    return Path(file).parent / "broken" if scheme == "sqlite" else Path(gettempdir()) / "figurewatch-broken"


def kept(folder: Path) -> list[Path]:
    """Return what is kept, the newest first; a folder for each page."""
    if not folder.is_dir():
        return []
    return sorted((case for case in folder.iterdir() if (case / "about.txt").is_file()), reverse=True)


def _beginning(body: bytes) -> bytes:
    return body if len(body) <= PAGE else body[:BEGINNING]


def _suffix(url: str) -> str:
    """Return how a page's file is called after its address; a page of HTML opens as text."""
    found = re.search(r"\.(csv|js|json|xlsx|zip)$", urlsplit(url).path, re.IGNORECASE)
    return found[0].lower() if found else ".html.txt"
