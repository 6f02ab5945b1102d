"""Names that people type: found whatever their case, or answered with the nearest right one."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Unknown(Exception):
    """Say that nothing has the name that was asked for, and offer the nearest that something has."""


def nearest(name: str, names: Collection[str]) -> str:
    """Return `; did you mean 'x'?` with the nearest of `names`, or nothing where none is near."""
    from difflib import get_close_matches

    written = {one.casefold(): one for one in names}
    near = get_close_matches(name.casefold(), list(written), 1)
    return f"; did you mean {written[near[0]]!r}?" if near else ""


def named(what: str, asked: str, names: Mapping[str, str]) -> str:
    """Return the code that `asked` means: a key of `names`, or the name under it. Raises Unknown.

    `what` says what is looked for, as in "measure"; `names` map codes to names.
    """
    meant = {word.casefold(): code for code, name in names.items() for word in (name, code)}
    if asked.casefold() in meant:
        return meant[asked.casefold()]
    near = nearest(asked, [*names, *names.values()])
    raise Unknown(f"nothing is stored of a {what} {asked!r}{near}")
