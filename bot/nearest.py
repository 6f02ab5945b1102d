"""Names that people type: found whatever their case, or answered with the nearest right one."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Unknown(Exception):
    """Say that nothing has the name that was asked for, and offer the nearest that something has."""


def nearest(name: str, names: Collection[str]) -> str:
    """Return `; did you mean 'x'?` with the nearest of `names`, or nothing where none is near."""
    from difflib import get_close_matches

    asked, written = name.casefold(), {one.casefold(): one for one in names}
    near = get_close_matches(asked, written, 1) or [one for one in written if asked in one]
    return f"; did you mean {written[near[0]]!r}?" if near else ""


def named(what: str, asked: str, names: Mapping[str, str]) -> str:
    """Return the code that `asked` means: a key of `names`, or the name under it. Raises Unknown.

    `what` says what is looked for, as in "measure"; `names` map codes to names.
    """
    meant = {name.casefold(): code for code, name in names.items()}
    meant |= {code.casefold(): code for code in names}
    if asked.casefold() not in meant:
        raise Unknown(f"no {what} {asked!r} is stored{nearest(asked, [*names, *names.values()])}")
    return meant[asked.casefold()]
