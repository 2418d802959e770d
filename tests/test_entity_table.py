"""The table of entities in the docs is the one in the code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components/printernizer"


@pytest.fixture(scope="module")
def entity_table() -> ModuleType:
    """Give the script behind scripts/docs."""
    spec = importlib.util.spec_from_file_location(
        "entity_table", ROOT / "scripts/lib/entity_table.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_docs_name_every_entity(entity_table: ModuleType) -> None:
    """A table kept by hand is wrong within a month."""
    assert entity_table.PAGE.read_text() == entity_table.page(), "run scripts/docs"


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_entity_has_a_name_and_its_states_in_every_language(
    entity_table: ModuleType, language: str
) -> None:
    words = json.loads((INTEGRATION / f"translations/{language}.json").read_text())["entity"]
    for platform, key, row in entity_table.rows():
        entry = words[platform][key]
        assert "name" in entry or getattr(row, "name", "") is None, f"{platform}.{key}"
        options = getattr(row, "options", None) or []
        assert set(options) == set(entry.get("state", {}) if options else []), f"{platform}.{key}"


def test_every_entity_without_a_device_class_has_an_icon(entity_table: ModuleType) -> None:
    icons = json.loads((INTEGRATION / "icons.json").read_text())["entity"]
    bare = [
        f"{platform}.{key}"
        for platform, key, row in entity_table.rows()
        if getattr(row, "device_class", None) is None
        and platform != "fan"
        and "default" not in icons.get(platform, {}).get(key, {})
    ]
    assert bare == []


def test_no_entity_is_translated_that_does_not_exist(entity_table: ModuleType) -> None:
    known = {(platform, key) for platform, key, _ in entity_table.rows()}
    words = json.loads((INTEGRATION / "translations/en.json").read_text())["entity"]
    translated = {(platform, key) for platform, table in words.items() for key in table}
    assert translated - known == {("switch", "other"), ("light", "other"), ("fan", "other")}
