"""Write what Home Assistant would be asked to install, and within which limits, into a folder.

Usage: manifest_requirements.py FOLDER. Writes required.txt, constraints.txt and, for each optional
extra of pyproject.toml, optional-<name>.txt.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import homeassistant

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write the files."""
    folder = Path(sys.argv[1])
    manifest = json.loads((ROOT / "custom_components/printernizer/manifest.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = Path(homeassistant.__file__).with_name("package_constraints.txt").read_text()
    (folder / "constraints.txt").write_text(pins)
    (folder / "required.txt").write_text("\n".join(manifest["requirements"]))
    for name, lines in project["project"]["optional-dependencies"].items():
        (folder / f"optional-{name}.txt").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
