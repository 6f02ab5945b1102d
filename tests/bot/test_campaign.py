"""campaign.toml: read strictly, every fault named at once with where it stands and the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.campaign import Campaign, CampaignError, load_campaign
from bot.rules.petition import Marks

HEAD = '[campaign]\nname = "A campaign"\n'
PETITION = '[[petition]]\nsource = "parliament_petition"\nid = 700143\n'
ALONE = HEAD + "sources = []\n" + PETITION


def read(folder: Path, text: str) -> Campaign:
    """Return the campaign that a file with this text describes."""
    path = folder / "campaign.toml"
    path.write_text(text, encoding="utf-8")
    return load_campaign(str(path))


def faults(folder: Path, text: str) -> list[str]:
    """Return what is wrong with a file of this text, each line without the file's name."""
    with pytest.raises(CampaignError) as caught:
        read(folder, text)
    return [line.replace(f"{folder / 'campaign.toml'}: ", "") for line in str(caught.value).splitlines()]


def test_the_campaign_that_ships_can_be_used() -> None:
    campaign = load_campaign(str(Path(__file__).parents[2] / "campaign.toml"))
    assert {"konp_petition", "talking_therapies_monthly"} <= {source.key for source in campaign.sources}
    assert campaign.marks["konp_petition"] == Marks(1000, (250, 500, 750, 900, 950, 1000), 100)


def test_two_petitions_of_one_source_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    campaign = read(tmp_path, ALONE + PETITION.replace("700143", "2") + "goal = 10\ntell_at = [7]\n")
    assert [source.key for source in campaign.sources] == [
        "parliament_petition:700143",
        "parliament_petition:2",
    ]
    assert campaign.marks["parliament_petition:2"] == Marks(10, (7, 10))


def test_sources_may_be_chosen_by_key_or_by_name(tmp_path: Path) -> None:
    campaign = read(tmp_path, HEAD + PETITION)
    assert len(campaign.chosen([])) == len(campaign.sources)
    assert [s.key for s in campaign.chosen(["parliament_petition"])] == ["parliament_petition:700143"]
    with pytest.raises(CampaignError) as caught:
        campaign.chosen(["parliament_petitoin", "zzz"])
    first, second = str(caught.value).splitlines()
    assert first == "unknown source 'parliament_petitoin'; did you mean 'parliament_petition'?"
    assert second.startswith("unknown source 'zzz'; this campaign watches parliament_petition:700143, ")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + ALONE).name == "A campaign"


def test_every_fault_is_named_with_its_entry_and_the_nearest_right_word(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        """
        [campain]
        [campaign]
        nme = "x"
        [[petition]]
        source = "konp_petitoin"
        [[petition]]
        source = "konp_petition"
        ur = "https://example.org/petition"
        Goal = 1000
        [[watch]]
        measure = "treated_once"
        good = "sideways"
        minimum = "1"
        [[claim]]
        says = "Many never attend"
        where = "petition"
        figure = { source = "talking_therapies_monthly" }
        holds = { minn = 25 }
        """,
    ) == [
        "[campain] is not known; did you mean 'campaign'?",
        "[campaign] 'name' is missing",
        "[campaign] unknown key 'nme'; did you mean 'name'?",
        "[[watch]] 1: good: expected 'up', 'down' or 'neither', found 'sideways'",
        "[[watch]] 1: minimum: expected a number, found '1'",
        "[[claim]] 1: 'figure.measure' is missing",
        "[[claim]] 1: unknown key 'holds.minn'; did you mean 'min'?",
        "[[petition]] 1: unknown source 'konp_petitoin'; did you mean 'konp_petition'?",
        "[[petition]] 2: unknown key 'ur'; did you mean 'url'?",
        "[[petition]] 2: unknown key 'Goal'; did you mean 'goal'?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            ALONE + PETITION,
            "[[petition]] 2: is a second 'parliament_petition:700143'; give each entry of one",
        ),
        (ALONE.replace("[[petition]]", "[petition]"), "[petition] must be written [[petition]]"),
        (ALONE + 'tell_at = ["25%"]', "[[petition]] 1: tell_at: '25%' needs a goal to be a share of"),
        (ALONE + "goal = true", "[[petition]] 1: goal: expected an integer, found True"),
        (ALONE + "goal = 0", "[[petition]] 1: goal: expected greater than or equal to 1, found 0"),
        (ALONE.replace("700143", '"a b"'), "[[petition]] 1: id: expected a number, or letters, digits"),
        (ALONE.replace("700143", "true"), "[[petition]] 1: id: expected a number, or letters, digits"),
        (ALONE.replace("700143", '"abc"'), "[[petition]] 1: id must be the number of a petition"),
        (
            HEAD + '[[petition]]\nsource = "talking_therapies_monthly"',
            "[[petition]] 1: 'talking_therapies_mon",
        ),
        (
            HEAD + 'sources = ["konp_petition"]',
            "[campaign] sources: 'konp_petition' needs an entry of its own",
        ),
        (
            HEAD + 'sources = ["talking_therapies"]',
            "[campaign] sources: unknown source 'talking_therapies'; di",
        ),
        (HEAD + "sources = []", "there is nothing to watch; add a [[petition]]"),
        ("campaign = 3", "[campaign] expected keys and values, found 3"),
        ("watch = [1]\n" + HEAD, "[[watch]] 1: expected keys and values, found 1"),
        ("", "[campaign] 'name' is missing"),
    ],
)
def test_a_fault_is_one_line_that_says_how_to_mend_it(tmp_path: Path, text: str, fault: str) -> None:
    (line,) = (line for line in faults(tmp_path, text) if fault in line)
    assert len(line) < 200


def test_all_wrong_marks_of_an_entry_are_named(tmp_path: Path) -> None:
    text = (
        ALONE + 'goal = 100\ntell_at = [629, "75%", "25 percent", -3, true, 0.5, "0%", "every 10", "every 9"]'
    )
    assert faults(tmp_path, text) == [
        "[[petition]] 1: tell_at: expected counts, shares like '75%' and one 'every 100', "
        "found '25 percent', -3, True, 0.5, '0%', 'every 9'"
    ]


def test_a_source_that_is_named_twice_is_watched_once(tmp_path: Path) -> None:
    twice = HEAD + 'sources = ["talking_therapies_monthly", "talking_therapies_monthly"]'
    assert [source.key for source in read(tmp_path, twice).sources] == ["talking_therapies_monthly"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name = [", "is not TOML: Invalid value"),
        (b"\xff\xfe", "cannot be read: expected UTF-8"),
        (None, "does not exist; set CAMPAIGN_FILE"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "campaign.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CampaignError, match=says) as caught:
        load_campaign(str(path))
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="Is a directory"):
        load_campaign(str(tmp_path))


def test_a_measure_is_one_of_a_source_that_is_watched(tmp_path: Path) -> None:
    watch = '[[watch]]\nmeasure = "{}"\ngood = "down"\n'
    claim = '[[claim]]\nsays = "{0}"\nwhere = "x"\nfigure = {{ source = "{1}", measure = "{2}" }}\n'
    annual = "talking_therapies_annual"
    campaign = read(
        tmp_path,
        HEAD
        + watch.format("M038")
        + watch.format("finished_share")
        + claim.format("one", annual, "finished_share")
        + claim.format("two", annual, "Percentage_ReliableRecovery:decile_10")
        + claim.format("three", "inactivity_long_term_sick", "LF2S"),
    )
    assert [one.measure for one in campaign.watches] == ["M038", "finished_share"]
    assert len(campaign.claims) == 3
    assert faults(
        tmp_path,
        HEAD
        + watch.format("treated_onc")
        + watch.format("LF69")
        + claim.format("one", annual, "finished")
        + claim.format("two", annual, "Count_ReferralReceived")
        + claim.format("three", "inactivity_long_term_sick", "M038"),
    ) == [
        "[[watch]] 1: measure: unknown measure 'treated_onc'; did you mean 'treated_once'?",
        "[[watch]] 2: measure: neighbouring months of LF69 overlap: they cannot be judged",
        "[[claim]] 1: figure.measure: unknown measure 'finished'; did you mean 'finished_share'?",
        "[[claim]] 2: figure.measure: unknown measure 'Count_ReferralReceived'; "
        "did you mean 'Count_ReferralsReceived'?",
        "[[claim]] 3: figure.measure: unknown measure 'M038'; no source that is watched has it",
    ]
    assert faults(tmp_path, ALONE + watch.format("M038")) == [
        "[[watch]] 1: measure: unknown measure 'M038'; no source that is watched has it"
    ]


def test_a_series_is_watched_once_and_deaths_are_not_watched_below_england(tmp_path: Path) -> None:
    watch = '[[watch]]\nmeasure = "{}"\narea = "{}"\ngood = "down"\n'
    series = (("M038", "England"), ("M038", "England"), ("M062", "RVN"))
    assert faults(tmp_path, HEAD + "".join(watch.format(*one) for one in series)) == [
        "[[watch]] 2: watches M038 of England a second time",
        "[[watch]] 3: M062 counts deaths, which are never shown below England",
    ]
