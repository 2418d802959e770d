"""Every text that is asked for exists, in every language, with the same placeholders."""

from __future__ import annotations

import ast
import json
import re
import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from custom_components.printernizer import issues
from custom_components.printernizer.config_flow import MENU, PrinternizerConfigFlow
from custom_components.printernizer.engine.errors import KEYS
from custom_components.printernizer.engine.small_business import LimitWarning
from custom_components.printernizer.printer_options import METER_TAKEN
from custom_components.printernizer.probe import FORM_ERRORS
from custom_components.printernizer.shop_options import ERRORS

HERE = Path(__file__).parent.parent / "custom_components" / "printernizer"
LANGUAGES = sorted(path.stem for path in (HERE / "translations").glob("*.json"))
_HTML = re.compile(r"<[a-zA-Z/]")
_URL = re.compile(r"https?://")
_KEY = re.compile(r"[a-z0-9_-]+|_")


def _load(language: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / "translations" / f"{language}.json").read_text())
    return loaded


def _flat(tree: dict[str, Any], above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        path = f"{above}.{key}" if above else key
        flat |= _flat(value, path) if isinstance(value, dict) else {path: value}
    return flat


ENGLISH = _load("en")
TEXTS = _flat(ENGLISH)


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _calls() -> list[tuple[str, ast.Call]]:
    return [
        (path.name, node)
        for path in sorted(HERE.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


def _constant(call: ast.Call, keyword: str) -> str | None:
    for given in call.keywords:
        if given.arg == keyword and isinstance(given.value, ast.Constant):
            return str(given.value.value)
    return None


def test_there_are_english_and_german() -> None:
    """The first customers are German."""
    assert LANGUAGES == ["de", "en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_all_that_english_says_and_no_more(language: str) -> None:
    """A missing text shows as a key, a left-over one is never read again."""
    texts = _flat(_load(language))
    assert texts.keys() == TEXTS.keys()
    differ = {key for key, text in texts.items() if _names(text) != _names(TEXTS[key])}
    assert not differ


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_keep_to_what_home_assistant_shows(language: str) -> None:
    """Its own checker refuses the rest; addresses come as placeholders."""
    for key, text in _flat(_load(language)).items():
        assert isinstance(text, str), key
        assert text == text.strip(), key
        assert text, key
        assert not _HTML.search(text), key
        assert not _URL.search(text), key
        assert not re.search(r"['\"]\{\w+\}['\"]", text), key
        assert all(_KEY.fullmatch(part) for part in key.split(".")), key


def test_german_is_not_english_left_standing() -> None:
    """Half a translation is worse than none."""
    german = _flat(_load("de"))
    same = [key for key, text in TEXTS.items() if german[key] == text and len(text.split()) > 3]
    assert not same


def test_every_error_of_the_engine_has_its_text() -> None:
    """The key of an error is what a user would see otherwise."""
    assert set(ENGLISH["exceptions"]) >= KEYS
    for key in KEYS:
        assert _names(ENGLISH["exceptions"][key]["message"]) <= {"reason"}, key


def test_every_exception_that_is_raised_has_its_text() -> None:
    """Also those that the ring raises by itself."""
    raised = {
        key
        for _, call in _calls()
        if isinstance(call.func, ast.Name)
        and call.func.id.endswith(("Error", "NotReady", "AuthFailed", "UpdateFailed"))
        and (key := _constant(call, "translation_key"))
    }
    assert raised
    assert raised <= set(ENGLISH["exceptions"])


def test_forms_have_a_text_for_each_error_and_for_nothing_else() -> None:
    """An unknown error in a form is a dead end."""
    assert set(ENGLISH["config"]["error"]) == FORM_ERRORS
    assert set(ENGLISH["options"]["error"]) == ERRORS | {METER_TAKEN}


def test_every_field_is_named_and_described() -> None:
    """People should know where on the printer to find what they are asked for."""
    for flow in ("config", "options"):
        for step, texts in ENGLISH[flow]["step"].items():
            assert texts.get("title"), step
            assert texts.get("data", {}).keys() == texts.get("data_description", {}).keys(), step


def test_every_step_abort_and_progress_of_the_flows_has_its_text() -> None:
    """Steps are named in code and in the texts; a difference shows as an empty dialog."""
    steps: set[str] = set()
    reasons: set[str] = set()
    progress: set[str] = set()
    for name, call in _calls():
        if name.endswith("_flow.py"):
            steps |= {key for word in ("step_id", "next_step_id") if (key := _constant(call, word))}
            reasons |= {key for key in (_constant(call, "reason"),) if key}
            progress |= {key for key in (_constant(call, "progress_action"),) if key}
    spun = {"bambu", "octoprint_confirm"}  # they show a progress instead of a form
    shown = set(ENGLISH["config"]["step"])
    assert steps - spun - {"octoprint_confirmed"} <= shown
    assert shown <= {step.removeprefix("async_step_") for step in dir(PrinternizerConfigFlow)}
    assert reasons <= set(ENGLISH["config"]["abort"])
    assert set(ENGLISH["config"]["progress"]) == progress
    assert list(ENGLISH["config"]["step"]["user"]["menu_options"]) == list(MENU)


def test_every_kind_can_be_given_a_new_key_and_a_new_address() -> None:
    """A printer that cannot be mended has to be removed, and its history with it."""
    shown = set(ENGLISH["config"]["step"])
    for kind in ("bambu", "prusalink", "octoprint", "moonraker"):
        assert {f"reauth_{kind}", f"reconfigure_{kind}"} <= shown


def test_every_issue_has_its_text_and_every_text_its_issue() -> None:
    """An issue without a text cannot be acted on."""
    kinds = {issues.WRONG_PRINTER, issues.CERTIFICATE_CHANGED, issues.DEVELOPER_MODE}
    kinds |= {issues.SMALL_BUSINESS + warning for warning in LimitWarning} | {issues.SPOOLMAN_GONE}
    kinds |= {issues.LIBRARY_DAMAGED}
    assert set(ENGLISH["issues"]) == kinds | {issues.SOURCE_GONE} | set(issues.STORE_KEYS)
    for kind, texts in ENGLISH["issues"].items():
        assert ("fix_flow" in texts) != ("description" in texts), kind


def _yaml(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((HERE / name).read_text())
    return {key: shape for key, shape in loaded.items() if not key.startswith(".")}


def _selectors(tree: Any) -> set[str]:
    if isinstance(tree, list):
        return {key for item in tree for key in _selectors(item)}
    if not isinstance(tree, dict):
        return set()
    own = {tree["translation_key"]} if isinstance(tree.get("translation_key"), str) else set()
    return own | {key for value in tree.values() for key in _selectors(value)}


@pytest.mark.parametrize("what", ["services", "triggers", "conditions"])
def test_actions_triggers_and_conditions_are_named_with_all_their_fields(what: str) -> None:
    """The editor shows what the texts say."""
    described = _yaml(f"{what}.yaml")
    assert described.keys() == ENGLISH[what].keys()
    for key, shape in described.items():
        fields = set((shape or {}).get("fields", {}))
        assert fields == set(ENGLISH[what][key].get("fields", {})), key
        assert ENGLISH[what][key]["name"], key
        assert ENGLISH[what][key]["description"], key
    assert _selectors(described) <= set(ENGLISH["selector"])


@pytest.mark.parametrize(
    ("what", "word"),
    [("services", "service"), ("triggers", "trigger"), ("conditions", "condition")],
)
def test_actions_triggers_and_conditions_have_icons(what: str, word: str) -> None:
    """Lists without icons cannot be skimmed."""
    icons = json.loads((HERE / "icons.json").read_text())[what]
    assert icons.keys() == ENGLISH[what].keys()
    for key, icon in icons.items():
        assert icon[word].startswith("mdi:"), key


def test_icons_speak_of_entities_that_have_a_name() -> None:
    """An icon for what does not exist hides that the right one has none."""
    icons = json.loads((HERE / "icons.json").read_text())["entity"]
    named = {(platform, key) for platform, keys in ENGLISH["entity"].items() for key in keys}
    drawn = {(platform, key) for platform, keys in icons.items() for key in keys}
    assert drawn <= named


def test_entity_and_device_keys_in_code_have_names() -> None:
    """An entity without a name is called like its class."""
    keys = {key for _, keys in ENGLISH["entity"].items() for key in keys}
    known = keys | set(ENGLISH["device"]) | set(ENGLISH["exceptions"]) | set(ENGLISH["selector"])
    known |= set(ENGLISH["issues"])
    used = {key for _, call in _calls() if (key := _constant(call, "translation_key"))}
    assert used
    assert used <= known
