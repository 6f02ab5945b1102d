"""Which figure a person means, by whatever words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.places import Directory, Place, directory
from bot.rules.wanted import Named, Names, understand, understand_two
from bot.wording import asked
from bot.wording.callbacks import Call, linked, mark, parsed, parsed_link, pressed
from bot.wording.language import languages, speaking, t
from scrapers.toolkit.contract import ENGLAND
from state.records import AreaName

SOURCE, YEARLY = "monthly", "annual"
AREAS = (
    AreaName(ENGLAND.kind, ENGLAND.code, ENGLAND.name, "2021-01"),
    AreaName("SubICB", "91Q", "NHS KENT AND MEDWAY ICB - 91Q", "2022-07"),
    AreaName("SubICB", "91Q", "NHS KENT AND MEDWAY CCG", "2021-01"),
    AreaName("SubICB", "15N", "NHS DEVON ICB - 15N", "2022-07"),
    AreaName("SubICB", "10R", "NHS HAMPSHIRE AND ISLE OF WIGHT ICB - 10R", "2022-07"),
    AreaName("Provider", "RXY", "KENT AND MEDWAY MENTAL HEALTH NHS TRUST", "2021-01"),
)


def named(id: str, title: str, *names: str, source: str = SOURCE) -> Named:
    return Named(source, id, title, "percent", "all", (title, t(title), id, *names))


def names() -> Names:
    measures = (
        named("treated_once", 'Treated once only ("access attrition")', "M288"),
        named("ended_early", "Ended earlier than planned (end code 47)"),
        named("before_treatment", "Ended before treatment"),
        named("M192", "Recovery", "Percentage_Recovery"),
        named("M195", "Reliable recovery"),
        named("M049", "Median wait for treatment, in days"),
        named("M053", "Within 6 weeks"),
        named("M001", "Referrals received", "Count_ReferralsReceived"),
        named("M031", "Accessed services"),
        named("dna", "Missed without warning (DNA)"),
        named("Percentage_FollowUpAppointment", "Follow up appointment", source=YEARLY),
    )
    home = Place(ENGLAND.kind, ENGLAND.code, (t("England"),), published=True)
    places = {SOURCE: PLACES, YEARLY: Directory({"England": (home,)}, {}, {})}
    return Names(measures, places, {SOURCE: home, YEARLY: home}, asked.words())


PLACES = directory(AREAS, {})
NAMES = names()
MEASURES = NAMES.measures


def meant(text: str, where: Names = NAMES) -> tuple[str, str] | None:
    series = understand(text, where).series
    return (series.measure.id, series.place.code) if series else None


@pytest.mark.parametrize(
    ("text", "measure", "place"),
    [
        ("drop-out Kent", "treated_once", "91Q"),
        ("dropout kent", "treated_once", "91Q"),
        ("dropouts in Kent", "treated_once", "91Q"),
        ("dropped out Kent", "treated_once", "91Q"),
        ("Kent drop out", "treated_once", "91Q"),
        ("drop-out", "treated_once", "England"),
        ("what is the drop-out rate in Kent?", "treated_once", "91Q"),
        ("M192", "M192", "England"),
        ("m288 15n", "treated_once", "15N"),
        ("treated_once RXY", "treated_once", "RXY"),
        ("recovery isle of wight", "M192", "10R"),
        ("reliable recovery England", "M195", "England"),
        ("how many referrals in Devon", "M001", "15N"),
        ("six weeks Kent and Medway", "M053", "91Q"),
        ("within six weeks in Kent and Medway", "M053", "91Q"),
        ("waits kent and medway ccg", "M049", "91Q"),
        ("follow up", "Percentage_FollowUpAppointment", "England"),
        ("DNA", "dna", "England"),
        ("never attend", "before_treatment", "England"),
        ("recovry devn", "M192", "15N"),
        ("refferals Kent", "M001", "91Q"),
    ],
)
def test_a_figure_is_found_by_code_title_or_everyday_word(text: str, measure: str, place: str) -> None:
    assert meant(text) == (measure, place)


@pytest.mark.parametrize(
    ("text", "measure", "place"),
    [
        ("gadael Kent", "treated_once", "91Q"),
        ("beth yw'r gyfradd gadael yn Kent?", "treated_once", "91Q"),
        ("diwedd cyn triniaeth", "before_treatment", "England"),
        ("amser aros", "M049", "England"),
        ("adferiad dibynadwy Devon", "M195", "15N"),
        ("faint o atgyfeiriadau sydd yn Devon", "M001", "15N"),
        ("ATGYFEIRIÂDAU Kent", "M001", "91Q"),
        ("chwe wythnos Kent", "M053", "91Q"),
        ("atgyferiadau Kent", "M001", "91Q"),
        ("drop-out Kent", "treated_once", "91Q"),
    ],
)
def test_a_figure_is_found_by_welsh_words_too_where_welsh_is_spoken(
    text: str, measure: str, place: str
) -> None:
    with speaking("cy"):
        assert meant(text, names()) == (measure, place)


@pytest.mark.parametrize("language", languages())
def test_the_example_in_the_welcome_is_understood_in_its_own_language(language: str) -> None:
    with speaking(language):
        example = t("Try /figure drop-out Kent, or /help.").partition("/figure ")[2].partition(",")[0]
        wanted = understand(example, names())
    assert wanted.drop_out
    assert [place.code for place in wanted.places] == ["91Q", "RXY"]


def test_what_else_may_be_meant_comes_with_it() -> None:
    wanted = understand("drop-out Kent", NAMES)
    assert [one.id for one in wanted.measures] == ["treated_once", "ended_early", "before_treatment"]
    assert [place.code for place in wanted.places] == ["91Q", "RXY"]
    assert wanted.drop_out
    assert not wanted.instead


def test_a_place_that_is_not_found_is_said_and_the_nearest_are_offered() -> None:
    wanted = understand("recovery hampshire isle wite", NAMES)
    assert wanted.series == (MEASURES[3], PLACES.places["10R"][0])
    lost = understand("recovery atlantis", NAMES)
    assert (lost.measures[0].id, lost.unknown, lost.places) == ("M192", "atlantis", ())
    assert understand("Devon", NAMES).places[0].code == "15N"
    assert understand("flying saucers", NAMES).unknown == "flying saucers"


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("drop-out Kent Devon", ("treated_once", "91Q"), ("treated_once", "15N")),
        ("Kent vs Devon drop-out", ("treated_once", "91Q"), ("treated_once", "15N")),
        ("drop-out recovery Kent", ("treated_once", "91Q"), ("M192", "91Q")),
        ("recovery and reliable recovery", ("M192", "England"), ("M195", "England")),
        ("recovery Kent", ("M192", "91Q"), ("M192", "England")),
        ("recovry Kent and Medway with Devon", ("M192", "91Q"), ("M192", "15N")),
    ],
)
def test_two_places_or_two_figures_are_compared(
    text: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    pair = understand_two(text, NAMES)
    assert pair is not None
    assert [(one.measure.id, one.place.code) for one in pair] == [first, second]


def test_one_thing_alone_is_not_compared_with_itself() -> None:
    assert understand_two("recovery England", NAMES) is None
    assert understand_two("recovery", NAMES) is None
    assert understand_two("", NAMES) is None


@given(st.text(max_size=300))
def test_any_text_is_understood_or_not_and_never_raises(text: str) -> None:
    wanted = understand(text, NAMES)
    assert wanted.series is None or wanted.series.measure in MEASURES
    understand_two(text, NAMES)
    NAMES.listed(text)


@given(st.text(max_size=80))
def test_whatever_a_button_or_a_link_sends_is_parsed_or_refused(text: str) -> None:
    for parse, write in ((parsed, pressed), (parsed_link, linked)):
        call = parse(text)
        assert call is None or write(call.verb, *call.args) == text


def test_a_button_carries_a_verb_and_marks_within_64_bytes() -> None:
    data = pressed("figure", mark("talking_therapies_monthly", "treated_once"), mark("SubICB", "91Q"))
    assert len(data.encode()) <= 64
    assert parsed(data) == Call("figure", tuple(data.split(":")[1:]))
    assert parsed_link(linked("figure", *data.split(":")[1:])) == parsed(data)
    with pytest.raises(ValueError, match="short arguments"):
        pressed("figure", "a" * 60)
    with pytest.raises(ValueError, match="short arguments"):
        linked("figure", "under_scored")
