"""Who may send files in, and how far they go."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.sender import (
    Reach,
    Sender,
    key_hash,
    printer_of,
    reach_of,
    sender_name,
    whose,
)

ONE = Sender(id="1", name="One", key_sha256=key_hash("AB" * 16))
TWO = Sender(id="2", name="Two", key_sha256=key_hash("CD" * 16), printer_id="P1")


@pytest.mark.parametrize("key", ["", "AB", "ab" * 16, "AB" * 15, "AB" * 17, "AB" * 500, "\ud800é"])
def test_only_the_whole_key_is_the_key(key: str) -> None:
    """Nearly is not enough, and nothing breaks on rubbish."""
    assert whose((ONE, TWO), key) is None
    assert whose((ONE, TWO), "CD" * 16) is TWO
    assert whose((), "AB" * 16) is None


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("", "bad_sender"),
        ("  ", "bad_sender"),
        ("x" * 61, "bad_sender"),
        ("a\u202eb", "bad_sender"),
        ("one", "sender_known"),
        (" ONE ", "sender_known"),
    ],
)
def test_a_sender_has_a_name_of_its_own(given: str, key: str) -> None:
    """Two of one name cannot be told apart when one of them has to go."""
    with pytest.raises(NotAllowed) as refused:
        sender_name(given, (ONE, TWO))
    assert refused.value.key == key
    assert sender_name("  Büro\tPC ", (ONE,)) == "Büro PC"


def test_a_sender_stays_with_its_printer() -> None:
    """Its key is for that one."""
    assert printer_of(ONE, None) is None
    assert printer_of(ONE, "P2") == "P2"
    assert printer_of(TWO, None) == "P1"
    assert printer_of(TWO, "P1") == "P1"
    with pytest.raises(NotAllowed):
        printer_of(TWO, "P2")


@pytest.mark.parametrize(
    ("reach", "printer", "print_it", "goes"),
    [
        (Reach.KEEP, None, False, Reach.KEEP),
        (Reach.KEEP, "P", False, Reach.KEEP),
        (Reach.KEEP, "P", True, "sender_may_not_print"),
        (Reach.SEND, None, False, Reach.KEEP),
        (Reach.SEND, "P", False, Reach.SEND),
        (Reach.SEND, "P", True, "sender_may_not_print"),
        (Reach.PRINT, None, False, Reach.KEEP),
        (Reach.PRINT, "P", False, Reach.SEND),
        (Reach.PRINT, "P", True, Reach.PRINT),
        (Reach.PRINT, None, True, "sender_without_printer"),
    ],
)
def test_a_file_goes_as_far_as_its_sender_may(
    reach: Reach, printer: str | None, print_it: bool, goes: Reach | str
) -> None:
    """No print that nobody may start, and none that is silently left out."""
    sender = Sender(id="1", name="One", key_sha256="", reach=reach)
    if isinstance(goes, Reach):
        assert reach_of(sender, printer, print_it=print_it) is goes
        return
    with pytest.raises(NotAllowed) as refused:
        reach_of(sender, printer, print_it=print_it)
    assert refused.value.key == goes
