"""A progress bar for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from bot.backfill import Progress


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[Progress], None]]:
    """Show a bar on standard error while the block runs; yields what is to be called as it goes on."""
    with click.progressbar(
        length=1,  # until the first call says how many there are
        label=title,
        item_show_func=lambda release: release,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def show(progress: Progress) -> None:
            bar.length = progress.total
            bar.update(progress.done - bar.pos, progress.release)
            bar.render_progress()

        yield show
