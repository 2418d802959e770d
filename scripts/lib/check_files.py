"""Hold the integration's data files to what Home Assistant and HACS accept.

Says one line per fault and ends with 1 when there was one.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HOME = ROOT / "custom_components" / "printernizer"
MANIFEST_NEEDS = {
    "domain", "name", "codeowners", "config_flow", "documentation", "integration_type",
    "iot_class", "issue_tracker", "requirements", "version",
}  # fmt: skip
HACS_KEYS = {
    "name", "content_in_root", "country", "filename", "hacs", "hide_default_branch",
    "homeassistant", "persistent_directory", "render_readme", "zip_release",
}  # fmt: skip
SOURCE = "en"


class _Yaml(yaml.SafeLoader):
    """YAML as Home Assistant reads it: its own tags are fine, a key given twice is not."""


def _mapping(loader: _Yaml, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise yaml.constructor.ConstructorError(
            None, None, f"key given twice: {twice}", node.start_mark
        )
    return loader.construct_mapping(node, deep=True)


_Yaml.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Yaml.add_multi_constructor("!", lambda _loader, _tag, _node: None)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twice := {key for key in keys if keys.count(key) > 1}:
        msg = f"key given twice: {', '.join(sorted(twice))}"
        raise ValueError(msg)
    return dict(pairs)


def read(file: Path) -> Any:
    """Return what the file holds. Raises ValueError or yaml.YAMLError."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return json.loads(text, object_pairs_hook=_unique)
    return yaml.load(text, Loader=_Yaml)  # noqa: S506 (a subclass of SafeLoader)


def leaves(tree: Any, path: str = "") -> dict[str, str]:
    """Return every text of a translation by its dotted path."""
    if isinstance(tree, dict):
        found: dict[str, str] = {}
        for key, value in tree.items():
            found |= leaves(value, f"{path}.{key}" if path else key)
        return found
    return {path: tree}


def unreadable() -> Iterator[str]:
    """Yield what is not JSON or YAML at all. Fixtures may be broken on purpose."""
    for file in sorted(ROOT.rglob("*")):
        place = file.relative_to(ROOT)
        if file.suffix not in {".json", ".yaml", ".yml"} or "fixtures" in place.parts:
            continue
        if any(part == "node_modules" or part.startswith(".") for part in place.parts):
            continue
        try:
            read(file)
        except (ValueError, yaml.YAMLError) as err:
            yield f"{place}: {' '.join(str(err).split())}"


def manifests() -> Iterator[str]:
    """Yield what is wrong with manifest.json and hacs.json."""
    manifest = read(HOME / "manifest.json")
    keys = list(manifest)
    if keys[:2] != ["domain", "name"] or keys[2:] != sorted(keys[2:]):
        yield "manifest.json: keys are domain, name, then the others in alphabetical order"
    if missing := MANIFEST_NEEDS - set(keys):
        yield f"manifest.json: without {', '.join(sorted(missing))}"
    if manifest.get("domain") != HOME.name:
        yield "manifest.json: the domain is not the folder's name"
    hacs = read(ROOT / "hacs.json")
    if unknown := set(hacs) - HACS_KEYS or {"name"} - set(hacs):
        yield f"hacs.json: unknown or missing {', '.join(sorted(unknown))}"


def translations() -> Iterator[str]:
    """Yield where the languages differ, and what Home Assistant would not show."""
    files = {file.stem: leaves(read(file)) for file in (HOME / "translations").glob("*.json")}
    source = files.get(SOURCE, {})
    for language, texts in sorted(files.items()):
        name = f"translations/{language}.json"
        yield from (f"{name}: without {key}" for key in sorted(source.keys() - texts.keys()))
        yield from (
            f"{name}: {key} is not in {SOURCE}.json" for key in sorted(texts.keys() - source.keys())
        )
        for key, text in texts.items():
            yield from (f"{name}: {key} {fault}" for fault in text_faults(key, text))
            if set(re.findall(r"{(\w+)}", text)) != set(
                re.findall(r"{(\w+)}", source.get(key, text))
            ):
                yield f"{name}: {key} has other placeholders than {SOURCE}.json"


def text_faults(key: str, text: object) -> Iterator[str]:
    """Yield what Home Assistant's own check refuses in one text."""
    if not isinstance(text, str) or not text:
        yield "is no text"
        return
    if text != text.strip():
        yield "begins or ends with a blank"
    if re.search(r"https?://", text):
        yield "holds an address: give it as a placeholder"
    if re.search(r"</?[a-z]+[ />]", text):
        yield "holds HTML"
    if re.search(r"""['"]{\w+}['"]""", text):
        yield "has quotes around a placeholder"
    if not re.fullmatch(r"[a-z0-9_.-]+", key):
        yield "has a key with other signs than a-z, 0-9, _ and -"


def main() -> None:
    """Print every fault."""
    faults = list(unreadable())
    faults += [] if faults else [*manifests(), *translations()]
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
