"""Refusals, as people read them."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.errors import BadFile

HASH = "9f86d081884c7d65"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (f"{HASH} at byte 84: it ends here", "Würfel.stl at byte 84: it ends here"),
        (f"{HASH}/3D/model.model: no object", "Würfel.stl/3D/model.model: no object"),
        ("nobody draws now", "nobody draws now"),
    ],
)
def test_a_file_is_called_by_the_name_that_people_know(reason: str, told: str) -> None:
    refusal = BadFile(reason, key="file_unreadable").called(HASH, "Würfel.stl")
    assert (refusal.reason, refusal.key) == (told, "file_unreadable")
    assert refusal.placeholders == {"reason": told}
