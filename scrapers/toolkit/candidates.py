"""The numbers of a page, each with where it stands and how likely it is that somebody wants to follow it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapers.toolkit import reading, written
from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.places import CSV, HTML, Document, Grid, html_rows, json_number
from scrapers.toolkit.selectors import Selector, classes
from scrapers.toolkit.written import NUMBER

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_MOST_KEYS = 4  # columns that together name a row
_DEEPEST = 50  # levels of a JSON document that are looked into
_WALKED = 5_000  # numbers of one JSON document, or rows of one table, that are looked at
_STRINGS = 100  # parts of a sentence
_NUMBERS = 1_000  # of the texts of an HTML page that are looked at
_SEARCHED = 100_000  # characters of a plain text that are looked at
_CONTEXT = 60  # characters

_NAME = re.compile(r"[A-Za-z][\w-]*")
_BIG = re.compile(r"h[1-6]|strong|b|big|data|output")
_TELLING = re.compile(r"number|count|total|figure|stat|value|amount|big|kpi|metric", re.IGNORECASE)
_IN_SCRIPT = re.compile(
    r"""["']?([A-Za-z_][\w-]{0,60})["']?\s*[:=]\s*(["']?)(-?\d[\d,]*(?:\.\d+)?)(?!,?\d)\2\s*[,;}\]\n]"""
)
_LAST_WORDS = re.compile(r"(?:[^\s\d]+\s+){0,4}[^\s\d]*$")
_FIRST_WORDS = re.compile(r"^[^\s\d]*(?:\s+[^\s\d]+){0,3}")
_SENTENCES = frozenset(
    {"p", "li", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "div", "section", "td", "caption"}
)
_NO_FIGURES = frozenset({"script", "style", "noscript", "template", "head", "title"})


class Candidate(NamedTuple):
    """A number as it is shown, the words beside it, and the options of an entry that would find it.

    `group` is one for all numbers of a table or document.
    """

    score: float
    group: str
    shown: str
    context: str
    options: Mapping[str, Any]


def candidates(document: Document) -> Iterator[Candidate]:
    """Yield the numbers of a page. Raises SourceChanged for what is no page."""
    page = document.page
    if page.body.startswith(b"PK\x03\x04"):
        from scrapers.toolkit.tables import sheet_names

        for sheet in sheet_names(page):
            yield from _of_grid(document.grid("xlsx", sheet), "xlsx", {"sheet": sheet}, is_text=False)
    elif page.content_type in HTML:
        yield from _of_html(document.soup)
    elif document.raw.lstrip().startswith(("{", "[")):
        yield from _of_json(reading.strict_json(document.raw, number=json_number), {}, 1.0, "json")
    else:
        if page.content_type in CSV:
            yield from _of_grid(document.grid("csv", ""), "csv", {}, is_text=True)
        yield from (candidate for _, candidate in _of_assignments(document.text[:_SEARCHED]))
        yield from _of_text(document.text[:_SEARCHED], 0.5)


def _of_html(soup: BeautifulSoup) -> Iterator[Candidate]:
    selector = Selector(soup)
    tables = soup.select("table")
    read: set[int] = set()
    for place, table in enumerate(tables):
        within = {} if len(tables) == 1 else {"css": selector.of(table)}
        with suppress(SourceChanged):
            for candidate in _of_grid(
                html_rows(table), "table", within, is_text=True, group=f"table {place}"
            ):
                read.add(id(table))
                yield candidate
    for node in islice(soup.find_all(string=re.compile(r"\d")), _NUMBERS):
        parent = node.parent
        if parent is None or any(one.name in _NO_FIGURES for one in (parent, *parent.parents)):
            continue
        inside = parent.find_parent("table")
        if inside is None:
            yield from _of_words(parent, selector, read)
        elif id(inside) not in read:
            yield from _of_element(parent, selector, 1)
    for element in soup.find_all(True):
        if element.name == "script":
            yield from _of_script(element, selector)
        elif element.name != "table":
            yield from _of_attributes(element, selector)


def _of_words(node: Tag, selector: Selector, read: set[int]) -> Iterator[Candidate]:
    """Yield an element that is a number, and the numbers in its sentence unless that was `read` before."""
    yield from _of_element(node, selector, 3)
    block = next((one for one in (node, *node.parents) if one.name in _SENTENCES), node)
    if id(block) not in read and not NUMBER.fullmatch(text := _beginning(block)):
        read.add(id(block))
        for candidate in _of_text(text, 2.0):
            yield candidate
            inside = {"css": selector.of(block), **candidate.options}
            yield candidate._replace(score=candidate.score - 0.5, options=inside)


def _of_element(node: Tag, selector: Selector, score: float) -> Iterator[Candidate]:
    if match := NUMBER.fullmatch(said := _beginning(node)):
        telling = _TELLING.search(f"{node.get('id', '')} {' '.join(classes(node))}")
        score += 1.5 * bool(_BIG.fullmatch(node.name) or telling)
        options = {"css": selector.of(node), **_form(match)}
        yield Candidate(_score(score, match), "element", said, _beside(node), options)


def _of_text(text: str, score: float) -> Iterator[Candidate]:
    """Yield the numbers in a text, each by the words around it."""
    for match in islice(NUMBER.finditer(text), 50):
        before = _LAST_WORDS.findall(text[max(0, match.start() - _CONTEXT) : match.start()])[0]
        after = _FIRST_WORDS.findall(text[match.end() : match.end() + _CONTEXT])[0]
        if not before.strip() and not after.strip():
            continue
        group = r"\S+" if " " not in match[0] else r"\S+ " + re.escape(match[0].partition(" ")[2])
        if " " in match["digits"]:
            group = r"[\d ]+\d"
        pattern = f"{_plainly(before)}({group}){_plainly(after)}"
        context = f"{before[-_CONTEXT // 2 :]}…{after[: _CONTEXT // 2]}".strip()
        yield Candidate(
            _score(score, match), "sentence", match[0], context, {"pattern": pattern, **_form(match)}
        )


def _plainly(text: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _of_attributes(node: Tag, selector: Selector) -> Iterator[Candidate]:
    for name, value in node.attrs.items():
        if not isinstance(value, str) or not (
            name.startswith("data-") or name in ("value", "content", "aria-valuenow")
        ):
            continue
        options = {"css": selector.of(node, having=name), "attribute": name}
        said = " ".join(value.split())
        if match := NUMBER.fullmatch(said):
            yield Candidate(
                _score(1.5, match),
                "attribute",
                said,
                f"{node.name} {name}",
                {**options, **_form(match, in_text=False)},
            )
        elif said.startswith(("{", "[")):
            yield from _of_json(_json(said), options, 2.0, f"{name} of {node.name}")


def _of_script(node: Tag, selector: Selector) -> Iterator[Candidate]:
    text = node.get_text()
    if "json" in str(node.get("type", "")) and (document := _json(text)) is not None:
        yield from _of_json(document, {"css": selector.of(node, having="type")}, 1.0, "script")
        return
    for name, candidate in _of_assignments(text[:_SEARCHED]):
        inside = {"css": f'script:-soup-contains("{name}")'}
        yield candidate._replace(options={**inside, **candidate.options})


def _of_assignments(text: str) -> Iterator[tuple[str, Candidate]]:
    """Yield the numbers that a script gives to names that it has but once: `"count": 630`."""
    matches = list(islice(_IN_SCRIPT.finditer(text), _WALKED))
    names = Counter(match[1] for match in matches)
    for match in matches:
        number = NUMBER.fullmatch(match[3])
        if names[match[1]] == 1 and number:
            before = match[0][: match.start(3) - match.start()]
            pattern = f"{_plainly(before)}(\\d[\\d.,]*\\d|\\d)"
            options = {"pattern": pattern, **_form(number, in_text=False)}
            yield match[1], Candidate(_score(0.5, number), "script", match[3], match[1], options)


def _of_json(document: object, options: Mapping[str, Any], score: float, group: str) -> Iterator[Candidate]:
    for pointer, value, label, period in islice(_walk(document, "", "", ""), _WALKED):
        match = NUMBER.fullmatch(str(value))
        if match is None:
            continue
        chosen = {
            **options,
            "json": pointer,
            **({} if isinstance(value, Decimal) else _form(match, in_text=False)),
        }
        if period:
            chosen["period"] = {**options, "json": period}
        context = " · ".join(part for part in (label, _last_names(pointer)) if part)
        yield Candidate(_score(score + 2 * bool(period), match), group, str(value), context, chosen)


def _walk(
    here: object, pointer: str, label: str, period: str
) -> Iterator[tuple[str, Decimal | str, str, str]]:
    """Yield the numbers and short texts in a JSON document: where, what, with a text that stands beside it.

    The last of a list is said to be the last. Where it names a period of its own, that is where it does.
    """
    if pointer.count("/") > _DEEPEST:
        return
    if isinstance(here, dict):
        texts = (value for value in here.values() if isinstance(value, str) and _NAME.match(value))
        label = next(texts, label)[:_CONTEXT]
        named = next((name for name, value in here.items() if _is_period(str(value)[:_CONTEXT])), None)
        period = f"{pointer}/{_escaped(named)}" if named is not None and pointer.endswith("/-1") else ""
        for name, value in here.items():
            if name != named:
                yield from _walk(value, f"{pointer}/{_escaped(name)}", label, period)
    elif isinstance(here, list):
        for place, value in enumerate(here):
            step = -1 if 0 < place == len(here) - 1 else place
            yield from _walk(value, f"{pointer}/{step}", label, "")
    elif isinstance(here, Decimal) or (isinstance(here, str) and 0 < len(here) <= 40):
        yield pointer, here, label, period


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _last_names(pointer: str) -> str:
    return "/".join(pointer.split("/")[-3:])[-_CONTEXT:]


def _of_grid(
    rows: Grid, kind: str, within: Mapping[str, str], *, is_text: bool, group: str = ""
) -> Iterator[Candidate]:
    """Yield the cells that have a heading of their own, in a row that other cells tell from the rest."""
    tidy = [[" ".join(cell.split()) for cell in row] for row in rows]
    start = next((n for n, row in enumerate(tidy) if _is_heading(row)), len(tidy))
    heading, *body = [row for row in tidy[start:] if len(row) == len(tidy[start]) and any(row)] or [[]]
    keys = _keys(body)
    if not keys:
        return
    newest = _newest(body, keys)
    for number, row in enumerate(body[:_WALKED]):
        label = " · ".join(row[key] for key in keys)
        is_newest = number == newest
        for column, shown in enumerate(row):
            match = NUMBER.fullmatch(shown)
            if match is None or column in keys:
                continue
            end = "last" if number else "first"
            chosen = end if is_newest else {heading[key]: row[key] for key in keys}
            options: dict[str, Any] = {kind: {**within, "column": heading[column], "row": chosen}}
            options |= _form(match) if is_text else {}
            if is_newest:
                options["period"] = {"column": heading[keys[0]]}
            context = f"{label} · {heading[column]}"
            score = _score(2 + 2 * is_newest, match)
            yield Candidate(score, group or f"{kind} {' '.join(within.values())}", shown, context, options)


def _keys(body: Sequence[Sequence[str]]) -> Sequence[int]:
    """Return the columns whose names or periods tell the rows apart: one if that is enough, at most four."""
    named = [
        column
        for column in range(len(body[0]) if body else 0)
        if all(row[column] and (not NUMBER.fullmatch(row[column]) or _is_period(row[column])) for row in body)
    ]
    chosen: list[int] = []
    while named and len(chosen) < _MOST_KEYS:
        told = {column: len({(*(row[c] for c in chosen), row[column]) for row in body}) for column in named}
        best = max(named, key=lambda column: told[column])  # the first of those that tell as many
        chosen.append(best)
        if told[best] == len(body):
            return chosen
        named.remove(best)
    return ()


def _newest(body: Sequence[Sequence[str]], keys: Sequence[int]) -> int | None:
    """Return the row of the newest period, first or last, of three or more that are told apart by theirs."""
    first, last = (body[end][keys[0]] for end in (0, -1))
    if len(keys) > 1 or len(body) < 3 or not (_is_period(first) and _is_period(last)):
        return None
    return 0 if written.period(first) > written.period(last) else len(body) - 1


def _is_heading(row: Sequence[str]) -> bool:
    """Return whether a row names its columns: two or more names, each once and none a number."""
    return len(row) >= 2 and all(row) and len({*row}) == len(row) and not any(map(NUMBER.fullmatch, row))


def _is_period(text: str) -> bool:
    try:
        return bool(written.period(text))
    except SourceChanged:
        return False


def _form(match: re.Match[str], *, in_text: bool = True) -> Mapping[str, str]:
    """Return how a number is written, as an example of it; in a text its thousands will have a comma."""
    said = " ".join(match[0].split()).lstrip("-−")
    if in_text and re.fullmatch(r"\d{1,3}", said):
        return {"written": "1,234"}
    return {} if re.fullmatch(r"\d+(\.\d+)?", said) else {"written": said}


def _score(base: float, match: re.Match[str]) -> float:
    """Return how likely it is that somebody wants to follow a number: a big one rather, and no year or id."""
    digits = match["digits"]
    value = float(digits.replace(",", "").replace(" ", ""))
    score = base + min(math.log10(value + 1), 7) / 2
    if match["pound"] or match["suffix"]:
        return score + 1
    if "," not in digits and " " not in digits and not match["decimals"]:
        score -= 4 * (1900 <= value <= 2100) + 3 * (value >= 10**8) + 3 * (value < 10)
    return score


def _beginning(node: Tag) -> str:
    """Return an element's text, or the beginning of a very long one."""
    return " ".join(" ".join(islice(node.strings, _STRINGS)).split())


def _beside(node: Tag) -> str:
    """Return the words before and after an element."""
    before = (text for text in node.previous_elements if isinstance(text, str))
    after = (text for text in node.next_elements if isinstance(text, str) and node not in text.parents)
    words = ([" ".join(text.split()) for text in islice(texts, 4)] for texts in (before, after))
    first, last = (next(filter(None, said), "") for said in words)
    return f"{first[-_CONTEXT // 2 :]} … {last[: _CONTEXT // 2]}".strip()


def _json(text: str) -> Any:
    try:
        return reading.strict_json(text, number=json_number)
    except SourceChanged:
        return None
