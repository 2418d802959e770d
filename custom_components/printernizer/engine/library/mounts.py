"""Which file systems a folder lies on, and whether changes on them are told of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TABLE: Final = Path("/proc/self/mountinfo")
"""Every mount that this process sees: proc_pid_mountinfo(5)."""
TOLD: Final = frozenset(
    {
        *("bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "jfs", "nilfs2"),
        *("ntfs3", "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs"),
    }
)
"""File systems that only this machine changes, so that it knows of every change. Not those of FUSE:
what lies behind them may be changed by anybody."""
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")


def untold(folder: Path, table: Path = TABLE) -> str | None:
    """Return a file system that lies in a folder and does not tell of all changes, or None.

    folder: absolute, with no link in it. Reads the system's table of mounts, not the folder. "?"
    where there is no such table, or nothing of the folder in it.
    """
    try:
        mounts = list(_mounts(table.read_bytes().splitlines()))
    except OSError:
        return "?"
    # The last of those on one mount point lies on top.
    kinds = dict(mounts)
    above = [point for point in kinds if folder.is_relative_to(point)]
    if not above:
        return "?"
    below = [point for point in kinds if point.is_relative_to(folder)]
    around = max(above, key=lambda point: len(point.parts))
    return next((kinds[point] for point in (around, *below) if kinds[point] not in TOLD), None)


def _mounts(lines: Iterable[bytes]) -> Iterator[tuple[Path, str]]:
    """Give where each is mounted, and its kind, in the order in which they were mounted."""
    for line in lines:
        first, _, second = line.partition(b" - ")
        fields, kind = first.split(b" "), second.partition(b" ")[0]
        if len(fields) > 4 and kind:
            point = _ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), fields[4])
            yield Path(point.decode(errors="surrogateescape")), kind.decode(errors="replace")
