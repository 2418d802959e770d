"""Who may import whom, and how large things may grow. A new dependency is one visible line here."""

from __future__ import annotations

import ast
import json
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent.parent / "custom_components" / "printernizer"
ENGINE = HERE / "engine"

WITHIN: dict[str, set[str]] = {
    "values": set(),
    "formats": {"values"},
    "preview": {"values", "formats"},
    "sandbox": {"values"},
    "library": {"values", "formats"},
    "drivers": {"values", "clock"},
    "store": {"values"},
    "spoolman": {"values"},
    "exports": {"values"},
    "papers": {"values"},
    "workshop": {
        "values",
        "clock",
        "drivers",
        "exports",
        "formats",
        "library",
        "papers",
        "sandbox",
        "spoolman",
        "store",
    },
    "clock": set(),
}
"""What a part of the engine may import besides itself. `clock` is workshop/clock.py alone: the
drivers take their time from it."""

RING_MAY_NAME = {"values", "workshop", "clock", "drivers.base"}
"""What every module of the ring may import of the engine."""

MORE: dict[str, set[str]] = {
    "runtime.py": {"drivers", "store"},
    "__init__.py": {"drivers.registry"},
    "config_flow.py": {"drivers.registry"},
    "bambu_flow.py": {"drivers.registry", "drivers.discovery"},
    "discovery_flow.py": {
        "drivers.registry",
        "drivers.recognition",
        "drivers.whereabouts",
        "drivers.prusalink.announcement",
        "drivers.octoprint.announcement",
        "drivers.moonraker.announcement",
    },
    "addresses.py": {"drivers.whereabouts"},
    "forms.py": {"drivers.registry"},
    "export_actions.py": {"exports"},
    "frames.py": {"preview"},
    "job_pictures.py": {"preview"},
    "moonraker_flow.py": {"drivers.registry", "drivers.recognition"},
    "nearby.py": {"drivers.registry", "drivers.discovery", "drivers.whereabouts"},
    "octoprint_flow.py": {"drivers.registry", "drivers.recognition", "drivers.octoprint.app_keys"},
    "printer_flow.py": {"drivers.registry", "drivers.discovery"},
    "probe.py": {"drivers.registry", "drivers.recognition"},
    "prusalink_flow.py": {"drivers.registry"},
    "server_flow.py": {"drivers.registry", "drivers.recognition", "drivers.whereabouts"},
    "follow_flow.py": {"drivers.registry"},
    "targets.py": {"drivers.registry"},
}
"""What single modules of the ring may import besides: kinds of printers, and how they are found."""

HEAVY = {
    "numpy",
    "sqlalchemy",
    "alembic",
    "PIL",
    "openpyxl",
    "trimesh",
    "matplotlib",
    "psycopg",
    "fpdf",
    "drafthorse",
}
OUTSIDE: dict[str, set[str]] = {
    "values": set(),
    "clock": set(),
    "workshop": {"sqlalchemy", "aiohttp"},
    "spoolman": {"aiohttp", "yarl"},
    "drivers": {"aiohttp", "aiomqtt", "paho", "cryptography", "orjson", "yarl"},
    "store": {"sqlalchemy", "alembic"},
    "formats": {"numpy", "PIL", "trimesh", "heatshrink2"},
    "preview": {"PIL", "numpy"},
    "exports": {"openpyxl"},
    "papers": {"fpdf", "drafthorse", "PIL"},
    "sandbox": set(),
    "library": {"asyncinotify"},
}
"""Packages that a part of the engine may import."""

HOME_ASSISTANT = {"homeassistant", "voluptuous", "aiohttp"}
"""What the ring may import from outside."""

LONGEST_FUNCTION = 80
LONGEST_FILE = 700
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "service", "common", "misc"}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _modules(below: Path) -> list[Path]:
    return sorted(path for path in below.rglob("*.py") if ".mypy_cache" not in path.parts)


ALL = _modules(HERE)
IN_ENGINE = _modules(ENGINE)
RING = [path for path in ALL if path not in IN_ENGINE]


def _imports(path: Path) -> set[str]:
    """Return what a module imports: "engine.job" for ours (absolute), "numpy" for others."""
    package = path.relative_to(HERE).parent.parts
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {f"!{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(f"!{node.module}")
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            if node.module:
                found.add(".".join((*base, node.module)))
            else:
                found |= {".".join((*base, alias.name)) for alias in node.names}
    return found


def _part(module: str) -> str:
    """Return which part of the engine a module "engine.x.y" belongs to."""
    parts = module.split(".")[1:]
    if parts[:2] == ["workshop", "clock"]:
        return "clock"
    return parts[0] if len(parts) > 1 or parts[0] in WITHIN else "values"


def _name(path: Path) -> str:
    parts = path.relative_to(HERE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _roots(path: Path) -> set[str]:
    return {
        module[1:].split(".")[0]
        for module in _imports(path)
        if module.startswith("!") and module[1:].split(".")[0] not in sys.stdlib_module_names
    }


@pytest.mark.parametrize("path", IN_ENGINE, ids=_name)
def test_the_engine_knows_nothing_of_home_assistant_and_keeps_its_directions(path: Path) -> None:
    """It is to become a library some day, and to be tested without a house around it."""
    if _name(path) == "engine":
        return
    part = _part(_name(path))
    for module in _imports(path):
        if module.startswith("!"):
            continue
        assert module.startswith("engine"), f"{path.name} reaches out of the engine: {module}"
        if module != "engine":
            assert _part(module) in WITHIN[part] | {part}, f"{part} may not import {module}"
    assert _roots(path) <= OUTSIDE[part]
    assert not _roots(path) & HOME_ASSISTANT - OUTSIDE[part]


@pytest.mark.parametrize("path", RING, ids=_name)
def test_the_ring_asks_the_workshop_and_names_no_driver(path: Path) -> None:
    """`runtime.py` alone puts things together; everybody else would have to be changed with it."""
    may = RING_MAY_NAME | MORE.get(path.name, set())
    for module in _imports(path):
        if not module.startswith("engine"):
            continue
        named = module.removeprefix("engine.")
        allowed = _part(module) in may or any(
            named == one or named.startswith(f"{one}.") for one in may
        )
        assert allowed, f"{path.name} may not import {module}"


@pytest.mark.parametrize("path", RING, ids=_name)
def test_the_ring_imports_nothing_heavy(path: Path) -> None:
    """Home Assistant's start waits for every import."""
    assert not _roots(path) & HEAVY
    assert _roots(path) <= HOME_ASSISTANT


def _no_cycle(name: str, edges: dict[str, set[str]], seen: tuple[str, ...] = ()) -> None:
    assert name not in seen, f"a circle: {' -> '.join((*seen, name))}"
    for other in edges[name]:
        _no_cycle(other, edges, (*seen, name))


def test_the_engine_has_no_circles() -> None:
    """A circle is one module in two files."""
    edges = {part: WITHIN[part] - {part} for part in WITHIN}
    for part in edges:
        _no_cycle(part, edges)


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_functions_and_files_stay_small_enough_to_read(path: Path) -> None:
    """What does not fit on a screen is read by nobody."""
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


def test_nine_in_ten_are_short() -> None:
    """A few long ones are honest; many are a habit."""
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in ALL
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    files = [len(path.read_text().splitlines()) for path in ALL]
    assert sum(length <= 30 for length in lengths) / len(lengths) >= 0.9
    assert sum(lines <= 350 for lines in files) / len(files) >= 0.9


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_no_module_is_named_after_nothing(path: Path) -> None:
    """A function without a home is a missing concept."""
    assert path.stem not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", IN_ENGINE, ids=_name)
def test_no_module_of_the_engine_shadows_the_standard_library(path: Path) -> None:
    """A worker is started by path, with its folder first: `select.py` there would break it."""
    assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names


def test_every_rule_of_the_quality_scale_has_an_answer() -> None:
    """A rule without an answer was forgotten."""
    rules = yaml.safe_load((HERE / "quality_scale.yaml").read_text())["rules"]
    assert len(rules) == 54
    for rule, answer in rules.items():
        status = answer if isinstance(answer, str) else answer["status"]
        assert status in {"done", "exempt", "todo"}, rule
        assert status != "exempt" or answer["comment"], rule


def test_the_manifest_is_in_order() -> None:
    """Home Assistant's own checker wants domain and name first and the rest by the alphabet."""
    manifest = json.loads((HERE / "manifest.json").read_text())
    keys = list(manifest)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert manifest["domain"] == HERE.name


@pytest.mark.parametrize("name", ["icon", "logo", "dark_icon", "dark_logo"])
def test_the_brand_has_its_pictures(name: str) -> None:
    """Without them the integration is a puzzle piece."""
    for suffix in ("", "@2x"):
        content = (HERE / "brand" / f"{name}{suffix}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        height = int.from_bytes(content[20:24])
        assert height == {"icon": 256, "logo": 128}[name.removeprefix("dark_")] * (
            2 if suffix else 1
        )
