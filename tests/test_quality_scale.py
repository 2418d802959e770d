"""Every claim of the quality scale names its evidence, and the evidence is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.test_docs import anchors

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components/printernizer"

TIERS: Final = {
    "bronze": """
        action-setup appropriate-polling brands common-modules config-flow
        config-flow-test-coverage dependency-transparency docs-actions docs-conditions
        docs-high-level-description docs-installation-instructions docs-removal-instructions
        docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data
        test-before-configure test-before-setup unique-config-entry
    """,
    "silver": """
        action-exceptions config-entry-unloading docs-configuration-parameters
        docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
        parallel-updates reauthentication-flow test-coverage
    """,
    "gold": """
        devices diagnostics discovery discovery-update-info docs-data-update docs-examples
        docs-known-limitations docs-supported-devices docs-supported-functions
        docs-troubleshooting docs-use-cases dynamic-devices entity-category entity-device-class
        entity-disabled-by-default entity-translations exception-translations icon-translations
        reconfiguration-flow repair-issues stale-devices
    """,
    "platinum": "async-dependency inject-websession strict-typing",
}
"""The rules of Home Assistant 2026.10."""
RULES: Final = [rule for names in TIERS.values() for rule in names.split()]

ANSWERS: Final[dict[str, dict[str, str]]] = yaml.safe_load(
    (INTEGRATION / "quality_scale.yaml").read_text(encoding="utf-8")
)["rules"]

_FILE: Final = re.compile(r"(?:[\w.-]+/)*\w+\.(?:py|md|json|yaml|toml|png)(?:#[\w-]+)?")


def evidence(comment: str) -> list[str]:
    """Return what a comment names: files, some with an anchor."""
    return _FILE.findall(comment)


def there(name: str) -> Path | None:
    """Return the file of that name, from the integration or from the root."""
    found = (base / name.partition("#")[0] for base in (INTEGRATION, ROOT))
    return next((path for path in found if path.is_file()), None)


def test_every_rule_is_answered_and_nothing_else() -> None:
    """A rule that is left out reads as one that is kept."""
    assert len(RULES) == 54
    assert list(ANSWERS) != []
    assert set(ANSWERS) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_answer_names_evidence_that_is_there(rule: str) -> None:
    """ "Done" without a place to look at is a wish."""
    answer = ANSWERS[rule]
    assert answer["status"] in {"done", "exempt", "todo"}
    assert len(answer["comment"]) > 8
    named = evidence(answer["comment"])
    assert named or answer["status"] != "done", "no file is named"
    for name in named:
        file = there(name)
        assert file is not None, name
        _, _, anchor = name.partition("#")
        assert not anchor or anchor in anchors(file), name


@pytest.mark.parametrize("rule", [rule for rule in RULES if ANSWERS[rule]["status"] == "todo"])
def test_what_is_left_to_do_says_why(rule: str) -> None:
    """Half a sentence at least: what is missing."""
    assert len(ANSWERS[rule]["comment"].split()) >= 5
