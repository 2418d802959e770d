"""The demo's library is one that people would have: every kind of file, found and measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.formats.facts import read_facts
from custom_components.printernizer.engine.idea import IdeaFilter, IdeaState
from custom_components.printernizer.engine.library_file import FileState, LibraryFilter
from custom_components.printernizer.engine.store import ideas, library
from custom_components.printernizer.engine.store.database import Store
from scripts.demo_parts.binary_gcode import binary_gcode
from scripts.demo_parts.library_card import AUTOMATION, SENSOR, YAML
from scripts.demo_parts.shelf import ITEMS, SLICED, write_library


@pytest.mark.enable_socket
async def test_the_demos_library_has_every_kind_of_file_and_knows_what_is_in_it(
    tmp_path: Path,
) -> None:
    """Whoever tries the demo sees an empty list, or files without pictures and facts."""
    database = tmp_path / "ledger.db"
    lying = await write_library(tmp_path / "library", database, "de")
    async with Store(f"sqlite:///{database}") as store:
        kept = (await store.run(library.page, LibraryFilter())).files
        recycled = LibraryFilter(state=FileState.RECYCLED)
        thrown = (await store.run(library.page, recycled)).files
        thoughts = (await store.run(ideas.page, IdeaFilter())).ideas
    assert lying == len(kept) + len(thrown) == len(ITEMS)
    assert [file.name for file in thrown] == ["trefoil.stl"]
    assert {file.kind for file in kept} == set(FileKind) - {FileKind.OTHER_MESH}
    assert [file.facts_error for file in kept if file.facts_error] == []
    assert [
        file.name for file in kept if not (file.facts and (file.facts.mesh or file.facts.plates))
    ] == []
    assert sorted(file.revision for file in kept if file.name == "planetary gear.stl") == [1, 2]
    assert {tag for file in kept for tag in file.tags} == {"Geschenk", "Maschinenteil"}
    assert any(file.favourite for file in kept)
    assert {idea.state for idea in thoughts} == {
        IdeaState.NEW,
        IdeaState.PLANNED,
        IdeaState.PRINTED,
    }
    assert any(idea.files for idea in thoughts)


def test_binary_gcode_of_the_demo_says_what_its_text_says(tmp_path: Path) -> None:
    """A file that only our own encoder understands would hide a reader that is wrong."""
    text = SLICED.joinpath("knurled knob.gcode").read_text()
    path = tmp_path / "knob.bgcode"
    path.write_bytes(binary_gcode(text))
    facts = read_facts(path)
    assert facts.kind is FileKind.BGCODE
    assert facts.slicer == "PrusaSlicer"
    said = re.search(r"^; filament used \[g\] = (.+)$", text, re.MULTILINE)
    assert said is not None
    assert facts.plates[0].used_g == pytest.approx(float(said[1]))


def test_the_handbook_tells_what_the_demo_does() -> None:
    """A recipe that nobody cooks is wrong one day."""
    page = Path(__file__).parents[1].joinpath("docs", "user", "library.md").read_text()
    told = next(
        one
        for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        if "template" in (one := yaml.safe_load(text))
    )
    (automation,) = told["automation"]
    assert automation["triggers"] == AUTOMATION["triggers"]
    assert automation["actions"][:2] == AUTOMATION["actions"][:2]
    (own,), (done,) = told["template"], yaml.safe_load(YAML)["template"]
    assert own["triggers"] == done["triggers"]
    assert own["sensor"][0]["attributes"] == done["sensor"][0]["attributes"]
    assert told["recorder"]["exclude"]["entities"] == [SENSOR]
