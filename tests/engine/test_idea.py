"""What an idea is, before anybody keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.idea import (
    DONE,
    LONGEST_NOTES,
    LONGEST_TAG,
    LONGEST_TITLE,
    MOST_PIECES,
    MOST_TAGS,
    OPEN,
    Idea,
    IdeaSite,
    IdeaState,
    notes_of,
    pieces_of,
    plain,
    site_of,
    tags_of,
    title_of,
)
from custom_components.printernizer.engine.web_address import web_address

AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.printables.com/model/1-x", IdeaSite.PRINTABLES),
        ("https://printables.com/model/1-x", IdeaSite.PRINTABLES),
        ("https://makerworld.com/en/models/1", IdeaSite.MAKERWORLD),
        ("https://makerworld.com.cn/zh/models/1", IdeaSite.MAKERWORLD),
        ("https://www.thingiverse.com/thing:1", IdeaSite.THINGIVERSE),
        ("https://cults3d.com/en/3d-model/x", IdeaSite.CULTS),
        ("https://www.myminifactory.com/object/1", IdeaSite.MYMINIFACTORY),
        ("https://thangs.com/designer/x", IdeaSite.THANGS),
        ("https://notprintables.com/model/1", IdeaSite.OTHER),
        ("https://printables.com.evil.example/", IdeaSite.OTHER),
        ("https://printables.com@evil.example/", IdeaSite.OTHER),
        ("https://print\u0430bles.com/model/1", IdeaSite.OTHER),
    ],
    ids=range(12),
)
def test_a_site_is_known_by_its_host_alone(url: str, site: IdeaSite) -> None:
    """A look-alike with the badge of a known site would be trusted."""
    assert site_of(web_address(url)) is site
    idea = Idea(id=uuid4(), title="x", url=web_address(url), added_at=AT, changed_at=AT)
    assert idea.site is site


def test_an_idea_without_an_address_is_of_no_site() -> None:
    assert site_of(None) is IdeaSite.OTHER


def test_every_state_is_open_or_done() -> None:
    assert frozenset(IdeaState) == OPEN | DONE
    for state in IdeaState:
        idea = Idea(id=uuid4(), title="x", state=state, added_at=AT, changed_at=AT)
        assert idea.done is (state in DONE)


def test_a_title_is_given_or_read_from_the_address() -> None:
    url = "https://www.printables.com/model/1-cute-dragon"
    assert title_of(" Drache\u202e\n für Anna ", url) == "Drache für Anna"
    assert title_of(None, url) == "cute dragon"
    assert title_of("\x00 ", url) == "cute dragon"
    assert title_of("x" * 999, None) == "x" * LONGEST_TITLE
    assert title_of(None, "https://example.org/%E2%80%AE") != ""
    with pytest.raises(NotAllowed) as refusal:
        title_of(" \u200b ", None)
    assert refusal.value.key == "idea_unnamed"


def test_notes_keep_their_lines_and_nothing_that_hides() -> None:
    """What is written into a note is shown to others."""
    assert notes_of(" one\r\ntwo\x1b[31m\u202e \ud800") == "one\ntwo[31m ?"
    assert len(notes_of("x" * (LONGEST_NOTES + 1))) == LONGEST_NOTES


def test_tags_are_kept_once_and_in_order() -> None:
    assert tags_of(["Vase", " deko \n", "vase", "Küche"]) == ("deko", "Küche", "Vase")
    assert tags_of([]) == ()
    assert plain("a  b", 3) == "a b"


@pytest.mark.parametrize(
    "given",
    [[""], ["\u202e"], ["x" * (LONGEST_TAG + 1)], list(map(str, range(MOST_TAGS + 1)))],
    ids=["empty", "invisible", "long", "many"],
)
def test_what_is_no_tag_is_refused(given: list[str]) -> None:
    with pytest.raises(NotAllowed) as refusal:
        tags_of(given)
    assert refusal.value.key == "bad_tag"


@pytest.mark.parametrize("given", [0, -1, MOST_PIECES + 1])
def test_an_impossible_number_of_pieces_is_refused(given: int) -> None:
    with pytest.raises(NotAllowed) as refusal:
        pieces_of(given)
    assert refusal.value.key == "bad_pieces"


def test_a_possible_number_of_pieces_is_taken() -> None:
    assert (pieces_of(1), pieces_of(MOST_PIECES)) == (1, MOST_PIECES)
