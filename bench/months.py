"""Months in the true shape of NHS Talking Therapies: their file, and the pages that lead to it.

Every figure is made up, but counts add up and percentages follow from them as in the published files.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from scrapers.talking_therapies_monthly import KEY_MEASURES

MEASURES = 217
REGIONS, SUB_ICBS, PROVIDERS, PAIRS = 7, 106, 131, 690

_HEADER = (
    "REPORTING_PERIOD_START,REPORTING_PERIOD_END,GROUP_TYPE,ORG_CODE1,ORG_NAME1,ORG_CODE2,ORG_NAME2,"
    "MEASURE_ID,MEASURE_NAME,MEASURE_VALUE_SUPPRESSED\n"
)
_END_CODES = (57, 58, 59, 60, 61, 62, 63, 66, 69, 70, 71, 72, 340, 341, 342, 344)
_SHARES: Mapping[int, Callable[[Mapping[int, int]], tuple[int, int]]] = {  # percentage -> part and whole
    53: lambda count: (count[52], count[76]),
    55: lambda count: (count[54], count[76]),
    77: lambda count: (count[153], count[56]),
    78: lambda count: (count[75], count[56]),
    79: lambda count: (count[76], count[56]),
    126: lambda count: (count[47], count[121] + count[46]),
    186: lambda count: (count[185], count[76]),
    192: lambda count: (count[191], count[76] - count[179]),
    195: lambda count: (count[193], count[76] - count[179]),
    288: lambda count: (count[75], count[56] - count[153]),
    1010: lambda count: (count[189], count[76]),
}
_MEANS = frozenset({48, 49, *range(101, 121)})


def _measures() -> dict[int, str]:
    """Return the names of as many measures as a file has, by number."""
    needed = {int(code[1:]) for code in KEY_MEASURES} | {*_END_CODES, *_SHARES, *_MEANS}
    needed |= {46, 52, 121, 153, 185, 189, 191, 193}
    others = [number for number in range(1, 999) if number not in needed]
    return {n: f"{_kind(n)}_ReferralsOfKind{n}" for n in sorted({*needed, *others[: MEASURES - len(needed)]})}


def _kind(number: int) -> str:
    return "Percentage" if number in _SHARES else "Mean" if number in _MEANS else "Count"


_NAMES = _measures()


def lines(seed: int) -> list[str]:
    """Return the lines of a month without the two columns that date them; another seed, other values."""
    chance = Random(seed)
    found = _block("England,all,all SubICBs,all,all Providers", _england(chance))
    for organisation in _organisations():
        found += _block(organisation, (_rounded(number, chance) for number in _NAMES))
    return found


def file(period: str, undated: Sequence[str]) -> bytes:
    """Return the file of a month, about 22 MB."""
    dated = f"{period}-01,{period}-{_last_day(period)},"
    return "".join((_HEADER, dated, f"\n{dated}".join(undated), "\n")).encode()


def _block(organisation: str, values: Iterator[str]) -> list[str]:
    return [
        f"{organisation},M{number:03},{name},{value}"
        for (number, name), value in zip(_NAMES.items(), values, strict=True)
    ]


def _england(chance: Random) -> Iterator[str]:
    """Yield England's values: whole counts that add up, and the percentages that follow from them."""
    count = {number: chance.randrange(1_000, 9_000) for number in _NAMES if _kind(number) == "Count"}
    count[56] = sum(count[number] for number in _END_CODES)
    count[76], count[153] = count[56] * 2 // 5, count[56] * 3 // 8
    count[75] = count[56] - count[76] - count[153]
    for number in _NAMES:
        if number in _SHARES:
            part, whole = _SHARES[number](count)
            yield f"{(2000 * part + whole) // (2 * whole) / 10}"  # half up
        else:
            yield str(count[number]) if number in count else f"{chance.randrange(10, 3_000) / 10}"


def _rounded(number: int, chance: Random) -> str:
    """Return a smaller area's value: a third withheld, counts to the nearest five, whole percentages."""
    if chance.random() < 0.33:
        return "*"
    match _kind(number):
        case "Percentage":
            return str(chance.randrange(1, 101))
        case "Mean":
            return f"{chance.randrange(10, 3_000) / 10}"
        case _:
            return str(5 * chance.randrange(1, 400))


def _organisations() -> Iterator[str]:
    sub_icbs = [f"{n:02}Q,NHS SOME AND OTHER ICB - {n:02}Q" for n in range(SUB_ICBS)]
    providers = [f'R{n:03},"NUMBER {n}, AN NHS FOUNDATION TRUST"' for n in range(PROVIDERS)]
    for n in range(REGIONS):
        yield f"CommissioningRegion,Y{n:02},REGION {n} OF ENGLAND,all,all Providers"
    for sub_icb in sub_icbs:
        yield f"SubICB,{sub_icb},all,all Providers"
    for provider in providers:
        yield f"Provider,all,all SubICBs,{provider}"
    for n in range(PAIRS):
        yield f"SubICB/Provider,{sub_icbs[n % SUB_ICBS]},{providers[(n + n // SUB_ICBS) % PROVIDERS]}"


def _last_day(period: str) -> int:
    return monthrange(int(period[:4]), int(period[5:]))[1]
