"""Watched folders in the shop's options: how they are asked for, and which may be watched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from homeassistant.helpers.selector import (
    BooleanSelector,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from .const import LIBRARY_FOLDER
from .engine.errors import NotAllowed
from .engine.file import FileKind
from .engine.library_file import shown_name, tag_of
from .engine.names import has_tricks
from .engine.watched_folder import WatchedFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeassistant.core import HomeAssistant

FOLDER_ERRORS: Final = frozenset(
    {"folder_missing", "folder_not_allowed", "folder_is_library", "folder_twice", "bad_label"}
)
LONGEST_PATH: Final = 1_024


def folder_fields() -> dict[str, Any]:
    """Return the fields of the section."""
    fields = {
        "path": (TextSelector(), True),
        # Off unless touched, as forms show it; and with its subfolders is what most people mean.
        "flat": (BooleanSelector(), False),
        "kinds": (_kinds(), False),
        "tag": (TextSelector(), False),
        "collection": (TextSelector(), False),
        "remove": (BooleanSelector(), False),
    }
    return {
        "folders": ObjectSelector(
            ObjectSelectorConfig(
                fields={
                    name: {"selector": selector, "required": required}
                    for name, (selector, required) in fields.items()
                },
                multiple=True,
                label_field="path",
                description_field="tag",
                translation_key="watched_folder",
            )
        )
    }


def _kinds() -> Any:
    return SelectSelector(
        SelectSelectorConfig(
            options=[kind.value for kind in FileKind],
            translation_key="file_kind",
            multiple=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def watched_folders(hass: HomeAssistant, options: Mapping[str, Any]) -> Iterator[WatchedFolder]:
    """Give the folders of the options that Home Assistant may read today."""
    for said in options.get("folders", ()):
        path = Path(said["path"])
        if _allowed(hass, path):
            yield WatchedFolder(
                path=path,
                subfolders=not said.get("flat", False),
                kinds=frozenset(map(FileKind, said.get("kinds") or FileKind)),
                tag=said.get("tag") or None,
                collection=said.get("collection") or None,
                remove=bool(said.get("remove", False)),
            )


async def async_wrong_folders(hass: HomeAssistant, options: Mapping[str, Any]) -> str | None:
    """Return why these folders cannot be watched, or None."""
    paths = [str(said["path"]).strip() for said in options.get("folders", ())]
    if len(set(paths)) < len(paths):
        return "folder_twice"
    for said, path in zip(options.get("folders", ()), paths, strict=True):
        said["path"] = path
        if wrong := _wrong_label(said) or await hass.async_add_executor_job(_wrong, hass, path):
            return wrong
    return None


def _wrong_label(said: Mapping[str, Any]) -> str | None:
    try:
        if said.get("tag"):
            tag_of(said["tag"])
        if said.get("collection"):
            shown_name(said["collection"])
    except NotAllowed:
        return "bad_label"
    return None


def _wrong(hass: HomeAssistant, typed: str) -> str | None:
    """Return what is wrong with a path. What is not allowed is not looked for."""
    path = Path(typed)
    if len(typed) > LONGEST_PATH or has_tricks(typed) or not _allowed(hass, path):
        return "folder_not_allowed"
    try:
        real = path.resolve(strict=True)
    except OSError:
        return "folder_missing"
    # A link would be followed one day to where it did not lead when it was allowed.
    if real != path or not real.is_dir():
        return "folder_missing"
    library = Path(hass.config.path(LIBRARY_FOLDER)).resolve()
    if library.is_relative_to(real) or real.is_relative_to(library):
        return "folder_is_library"
    return None


def _allowed(hass: HomeAssistant, path: Path) -> bool:
    """Whether Home Assistant's owner laid a folder open. Looks at the names alone: no I/O."""
    if not path.is_absolute() or os.path.normpath(path) != str(path):
        return False
    roots = {*hass.config.allowlist_external_dirs, *hass.config.media_dirs.values()}
    return any(path.is_relative_to(root) for root in roots)
