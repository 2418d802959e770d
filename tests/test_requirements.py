"""What we ask a Home Assistant to install, held against what it will accept."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import homeassistant
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
MANIFEST: dict[str, Any] = json.loads(
    (ROOT / "custom_components/printernizer/manifest.json").read_text(encoding="utf-8")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = [Requirement(line) for line in MANIFEST["requirements"]]


def _constraints() -> dict[str, Requirement]:
    """Return what Home Assistant pins for every integration, by lower-case name."""
    file = Path(homeassistant.__file__).with_name("package_constraints.txt")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    wanted = (Requirement(line) for line in lines if line and not line.startswith(("#", "-")))
    return {requirement.name.lower(): requirement for requirement in wanted}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_a_requirement_admits_what_home_assistant_pins(requirement: Requirement) -> None:
    """An exact pin that differs from core's makes every set-up fail on every start."""
    assert not any(part.operator in {"==", "==="} for part in requirement.specifier)
    pinned = _constraints().get(requirement.name.lower())
    for part in pinned.specifier if pinned else ():
        assert part.operator != "==" or requirement.specifier.contains(part.version)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_a_requirement_is_bounded_and_met_by_what_we_test_with(requirement: Requirement) -> None:
    """A range nobody has tried, or one open to the next major version, breaks at the user's."""
    assert requirement.specifier.contains(version(requirement.name))
    assert any(part.operator in {"<", "<=", "~="} for part in requirement.specifier)


@pytest.mark.parametrize("line", MANIFEST["requirements"])
def test_a_requirement_has_no_blanks(line: str) -> None:
    """Home Assistant's own check refuses them."""
    assert " " not in line


def test_manifest_and_project_ask_for_the_same() -> None:
    """A requirement in one of them only is tested and not shipped, or shipped and not tested."""
    assert sorted(MANIFEST["requirements"]) == sorted(PROJECT["project"]["dependencies"])
    assert MANIFEST["version"] == PROJECT["project"]["version"]


def test_both_versions_of_home_assistant_are_locked_with_their_pins() -> None:
    """Core's pins move between versions; a range of ours has to admit both of them."""
    for group in ("current", "next"):
        lines = [line for line in PROJECT["dependency-groups"][group] if isinstance(line, str)]
        pinned = {one.name.lower(): one for one in map(Requirement, lines)}
        for requirement in REQUIREMENTS:
            other = pinned.get(requirement.name.lower())
            for part in other.specifier if other else ():
                assert requirement.specifier.contains(part.version), (group, requirement.name)


def test_optional_requirements_are_not_in_the_manifest() -> None:
    """They may lack wheels for Home Assistant OS, and would keep the integration from starting."""
    optional = {
        Requirement(line).name.lower()
        for lines in PROJECT["project"]["optional-dependencies"].values()
        for line in lines
    }
    assert not optional & {requirement.name.lower() for requirement in REQUIREMENTS}


def test_the_manifest_is_one_home_assistant_can_read() -> None:
    """Unknown keys and a wrong order are errors in Home Assistant's own checks."""
    known = {
        "domain", "name", "after_dependencies", "bluetooth", "codeowners", "config_flow",
        "dependencies", "dhcp", "disabled", "documentation", "homekit", "import_executor",
        "integration_type", "iot_class", "issue_tracker", "loggers", "mqtt", "preview_features",
        "quality_scale", "requirements", "single_config_entry", "ssdp", "usb", "version",
        "zeroconf",
    }  # fmt: skip
    keys = list(MANIFEST)
    assert set(keys) <= known
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert MANIFEST["domain"] == "printernizer"
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+)?", MANIFEST["version"])
    assert MANIFEST["integration_type"] in {"device", "hub", "service"}
    assert all(re.fullmatch(r"_[a-z]+\._(tcp|udp)\.local\.", kind) for kind in MANIFEST["zeroconf"])
    for matcher in MANIFEST["dhcp"]:
        assert re.fullmatch(r"[0-9A-F]{1,12}\*?", matcher.get("macaddress", "0"))


def test_hacs_json_has_only_what_hacs_knows() -> None:
    """Its schema is closed: one unknown key and the repository is not offered."""
    hacs = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    assert set(hacs) <= {
        "name", "content_in_root", "country", "filename", "hacs", "hide_default_branch",
        "homeassistant", "persistent_directory", "render_readme", "zip_release",
    }  # fmt: skip
    assert hacs["name"] == MANIFEST["name"]
    assert hacs["homeassistant"] == "2026.10.0"


def test_the_lock_names_no_address_but_the_public_index() -> None:
    """A mirror's address in the lock would make it useless everywhere else."""
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert len(set(re.findall(r'registry = "([^"]+)"', lock))) == 1
    hosts = set(re.findall(r"https?://([^/\"]+)", lock))
    assert len(hosts) == 2, hosts  # the index, and where it keeps the files
    assert all(re.fullmatch(r"[a-z.]+\.org", host) for host in hosts), hosts
