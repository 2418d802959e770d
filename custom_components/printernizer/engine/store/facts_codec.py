"""What a file says of itself as text of a row. Rows of before something was kept lack it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..file_data import facts_data, facts_from
from .codec import canonical

if TYPE_CHECKING:
    from ..file import FileFacts


def facts_text(facts: FileFacts) -> str:
    """Write what a file says of itself, without what it does not say."""
    return canonical(facts_data(facts))


def facts_of(text: str) -> FileFacts:
    """Read what a file says of itself."""
    return facts_from(json.loads(text))
