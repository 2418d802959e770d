"""Files of printers onto the disk of Home Assistant: where they may lie, and whole or not at all.

Names come from printers, and so from whoever can put a file there: none may leave its folder,
hide, or overwrite what lies there already.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import slugify
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .engine.errors import NotAllowed
from .engine.names import has_tricks
from .ha_errors import told_to_the_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant

    from .coordinator import PrinterCoordinator

LARGEST: Final = 4 << 30
"""Bytes of one file. The largest slicer projects seen are under 1 GiB."""
RESERVE: Final = 256 << 20
"""Bytes that stay free: Home Assistant's own database has to be able to grow."""
LONGEST_NAME: Final = 200
"""Bytes. Most file systems end at 255; `.part` and room for other tools come on top."""
LOCAL_MEDIA: Final = "local"

_FORBIDDEN: Final = frozenset('\\:*?"<>|')
_RUNNING: HassKey[set[Path]] = HassKey(f"{DOMAIN}_downloads")


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """A file that has arrived whole."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""


def safe_name(path: str) -> str:
    """Return the file name at the end of a printer's path.

    Raises ServiceValidationError for one that could leave its folder, hide itself, or show
    people something else than it is (control characters, text that changes direction).
    """
    name = path.rsplit("/", 1)[-1]
    hostile = (
        not name.strip(". ")
        or name.startswith(".")
        or name != name.strip()
        or has_tricks(name)
        or not _FORBIDDEN.isdisjoint(name)
    )
    if hostile or len(name.encode(errors="replace")) > LONGEST_NAME:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="bad_file_name")
    return name


async def async_folder(hass: HomeAssistant, printer: str, chosen: str | None) -> Path:
    """Return the folder for a printer's files, made if need be.

    By default a folder named like the printer, below `printernizer` in Home Assistant's media
    folder. Raises ServiceValidationError for a chosen one that is not in `allowlist_external_dirs`.
    """
    if chosen is None:
        media = hass.config.media_dirs
        root = Path(media.get(LOCAL_MEDIA) or next(iter(media.values())))
        folder = root / DOMAIN / slugify(printer)
    else:
        folder = root = Path(chosen)
        if not folder.is_absolute() or not await hass.async_add_executor_job(
            _is_allowed, hass, folder
        ):
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="folder_not_allowed",
                translation_placeholders={"folder": chosen},
            )
    return await hass.async_add_executor_job(_make_folder, root, folder)


def _is_allowed(hass: HomeAssistant, folder: Path) -> bool:
    """Whether files may be written there.

    Home Assistant looks at the parent of a folder that does not exist: of `/www/new/../..` that
    is `/www`, while making it ends one level above. So no way up is left for it to judge.
    """
    return ".." not in folder.parts and hass.config.is_allowed_path(str(folder))


def _make_folder(root: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        real = folder.resolve(strict=True)
    except OSError as err:
        raise _disk_error(err) from err
    if not real.is_relative_to(root.resolve()):
        # Somebody put a link there that leads elsewhere.
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="folder_not_allowed",
            translation_placeholders={"folder": str(folder)},
        )
    return real


def _disk_error(err: OSError) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="disk_failed",
        translation_placeholders={"reason": err.strerror or type(err).__name__},
    )


async def async_download(
    hass: HomeAssistant,
    coordinator: PrinterCoordinator,
    path: str,
    folder: Path,
    *,
    overwrite: bool,
) -> Download:
    """Fetch a file of a printer into a folder.

    It grows as `<name>.part` and gets its name once it is whole; what failed leaves nothing
    behind. Raises ServiceValidationError or HomeAssistantError, translated.
    """
    target = folder / safe_name(path)
    part = target.with_name(f"{target.name}.part")
    with _only_one(hass, target):
        room = await hass.async_add_executor_job(_prepare, target, part, overwrite)
        try:
            with told_to_the_user():
                await _fetch(coordinator, path, part, room)
            return await hass.async_add_executor_job(_complete, part, target)
        except OSError as err:
            # Drivers write as it comes; a disk that fills up meanwhile is not the printer's fault.
            raise _disk_error(err) from err
        finally:
            await hass.async_add_executor_job(_discard, part)


async def _fetch(coordinator: PrinterCoordinator, path: str, part: Path, room: int) -> None:
    """Fetch a file of at most `room` bytes, whatever the printer said or sends.

    Raises NotAllowed(key="disk_full") beyond it. The download is ended from outside: one that
    runs in a thread tells its progress to the loop, where an exception would stop nothing.
    """
    full = False

    def watch(moved: int, total: int | None) -> None:
        nonlocal full
        if not full and max(moved, total or 0) > room:
            full = True
            limit.reschedule(0)

    try:
        async with asyncio.timeout(None) as limit:
            await coordinator.workshop.download(coordinator.printer_id, path, part, progress=watch)
    except TimeoutError:
        if not full:
            raise
    if full:
        raise NotAllowed(f"it would leave less than {RESERVE} bytes free", key="disk_full")


@contextmanager
def _only_one(hass: HomeAssistant, target: Path) -> Iterator[None]:
    """Hold a target: two downloads must not write one file."""
    running = hass.data.setdefault(_RUNNING, set())
    if target in running:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="download_running",
            translation_placeholders={"file": target.name},
        )
    running.add(target)
    try:
        yield
    finally:
        running.discard(target)


def _prepare(target: Path, part: Path, overwrite: bool) -> int:  # noqa: FBT001 - executor job
    """Clear the way; return how many bytes may come."""
    try:
        taken = target.is_dir() or (target.exists(follow_symlinks=False) and not overwrite)
        if taken:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="download_exists",
                translation_placeholders={"file": target.name},
            )
        # What an earlier try left may belong to an older file of this name.
        part.unlink(missing_ok=True)
        return min(LARGEST, shutil.disk_usage(part.parent).free - RESERVE)
    except OSError as err:
        raise _disk_error(err) from err


def _complete(part: Path, target: Path) -> Download:
    """Measure what came, in constant memory, and give it its name."""
    try:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        part.replace(target)
    except OSError as err:
        raise _disk_error(err) from err
    return Download(path=target, size=size, sha256=digest)


def _discard(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)
