"""Files of Home Assistant that may be sent to printers: which of them, and none besides.

An action may be called by anybody who controls a printer, and a printer shows its files to
everybody: nothing may be named here that the owner of Home Assistant has not laid open.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from homeassistant.core import HomeAssistant

MEDIA: Final = "media-source://media_source/"
"""What ids of Home Assistant's own media folders begin with. Its resolver refuses files that a
browser cannot show, so ours are looked for here."""


async def async_local_file(hass: HomeAssistant, source: str) -> Path:
    """Return the file that a path or an id of local media names, with no link left in it.

    Raises ServiceValidationError: `source_not_allowed` for what does not lie in a media folder or
    in `allowlist_external_dirs`, is hidden there, or leads elsewhere; `source_missing`.
    """
    return await hass.async_add_executor_job(_find, hass, source)


def _find(hass: HomeAssistant, source: str) -> Path:
    try:
        path = _named(hass, source)
        real = path.resolve() if path is not None and ".." not in path.parts else None
    except OSError, ValueError:
        real = None
    # What is not allowed is not looked for: nobody learns here which files there are elsewhere.
    if real is None or not _lies_open(real, _roots(hass, source)):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="source_not_allowed",
            translation_placeholders={"source": source},
        )
    if not real.is_file():
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="source_missing",
            translation_placeholders={"source": source},
        )
    return real


def _named(hass: HomeAssistant, source: str) -> Path | None:
    """Return the path that a source means; None where it means none."""
    if not source.startswith(MEDIA):
        return path if (path := Path(source)).is_absolute() else None
    folder, _, location = source.removeprefix(MEDIA).partition("/")
    base = hass.config.media_dirs.get(folder)
    return None if base is None or Path(location).is_absolute() else Path(base, location)


def _roots(hass: HomeAssistant, source: str) -> Iterable[Path]:
    """Return the folders that a source may lie in."""
    config = hass.config
    if source.startswith(MEDIA):
        folder = source.removeprefix(MEDIA).partition("/")[0]
        return (Path(config.media_dirs[folder]),)
    return map(Path, {*config.allowlist_external_dirs, *config.media_dirs.values()})


def _lies_open(real: Path, roots: Iterable[Path]) -> bool:
    """Whether a path without links lies below a root, and not in something like `.storage`."""
    return any(
        real.is_relative_to(root)
        and not any(part.startswith(".") for part in real.relative_to(root).parts)
        for root in (root.resolve() for root in roots)
    )
