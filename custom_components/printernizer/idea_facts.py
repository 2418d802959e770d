"""Ideas as plain JSON, for actions and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.idea import Idea


def idea_news(idea: Idea) -> dict[str, Any]:
    """Return what everybody may hear of an idea: not what people wrote beside it."""
    return {
        "id": str(idea.id),
        "title": idea.title,
        "url": idea.url,
        "site": idea.site.value,
        "state": idea.state.value,
        "tags": list(idea.tags),
        "pieces": idea.pieces,
        "material": idea.material,
        "files": [str(each) for each in idea.files],
        "jobs": [str(each) for each in idea.jobs],
    }


def idea_facts(idea: Idea) -> dict[str, Any]:
    """Return all of an idea; times are ISO 8601 in UTC, `by` is the id of a user."""
    return {
        **idea_news(idea),
        "notes": idea.notes,
        "by": idea.by,
        "added_at": idea.added_at.isoformat(),
        "changed_at": idea.changed_at.isoformat(),
    }
