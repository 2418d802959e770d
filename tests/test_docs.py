"""The documents hold together: links lead somewhere, files they name are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components/printernizer"
DOCUMENTS: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
OVERVIEW: Final = ROOT / "docs/developer/overview.md"

_CODE: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_NAMED: Final = re.compile(r"`((?:[\w*.-]+/)*[\w*-]+\.py|(?:[\w.-]+/)+|scripts/\w+)`")
_MACHINE: Final = re.compile(
    r"(?<![\w.<~-])/(?:root|home|work|tmp|usr|var|opt|mnt|Users|srv|etc)/[\w.]"
    r"|\b[A-Za-z]:\\|\bfile://"
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def anchors(document: Path) -> frozenset[str]:
    """Return the anchors that a document's headings make, as the usual viewers do."""
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    found: list[str] = []
    for heading in _HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.append(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return frozenset(found)


def links(document: Path) -> list[str]:
    """Return the targets of a document's links that stay in the project."""
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    return [target for target in _LINK.findall(text) if "://" not in target]


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """A reader who follows a dead link stops reading."""
    for target in links(document):
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_the_readme_leads_to_every_page() -> None:
    """A page that nothing points to is not read."""
    reached, fresh = set[Path](), [ROOT / "README.md"]
    while fresh:
        document = fresh.pop()
        reached.add(document)
        for target in links(document):
            file = (document.parent / target.partition("#")[0]).resolve()
            pages = sorted(file.glob("*.md")) if file.is_dir() else [file]
            fresh += [page for page in pages if page.suffix == ".md" and page not in reached]
    assert set(DOCUMENTS) - reached == set()


def test_every_file_of_the_overview_is_there() -> None:
    """It is the first page a new colleague reads."""
    named = _NAMED.findall(OVERVIEW.read_text(encoding="utf-8"))
    assert len(named) > 10
    for name in named:
        here = (ROOT / name).exists() or (INTEGRATION / name).exists()
        assert here or ("/" not in name and any(INTEGRATION.rglob(name))), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_no_document_speaks_of_one_machine(document: Path) -> None:
    """What lies somewhere on its writer's disk helps nobody else."""
    found = _MACHINE.search(document.read_text(encoding="utf-8"))
    assert found is None, found and found.group()
