"""The command line: `python -m bot`, installed as `figurewatch`. Its commands are in `bot.cli`."""

from __future__ import annotations

import click

from bot import __version__
from bot.cli import deciding, own, stored, watching
from bot.cli.frame import Commands
from bot.operate.memory import collect_rarely, take_memory_once

COMMANDS = (
    *(watching.run, watching.check, watching.backfill, watching.replay, watching.doctor),
    *(stored.figures, stored.releases, stored.alerts, stored.claims, stored.backtest),
    *(stored.measures, stored.backup),
    *(deciding.held, deciding.release, deciding.reject, deciding.enter),
    *(own.judge, own.try_address),
)


@click.group(cls=Commands, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Watch the public figures a campaign stands on, and tell the team when one really changes."""
    collect_rarely()
    take_memory_once()


def entry() -> None:
    """Run a command as a process of its own."""
    from bot.operate.logs import log_crashes

    log_crashes()
    main(prog_name="figurewatch")


if __name__ == "__main__":
    entry()
