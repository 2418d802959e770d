"""Which folders the system tells of: by the table of mounts, as Linux writes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from custom_components.printernizer.engine.library.mounts import untold

TABLE = r"""
24 1 0:22 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a:/b
30 24 179:8 /supervisor/media /media rw,relatime master:9 - ext4 /dev/mmcblk0p8 rw,commit=30
31 30 0:55 / /media/nas rw,relatime shared:30 - cifs //nas/print rw,vers=3.1.1
32 24 179:8 /share /share rw,relatime - ext4 /dev/mmcblk0p8 rw
33 24 0:60 / /mnt/my\040usb\134stick rw,relatime - fuseblk /dev/sda1 rw
34 24 0:61 / /mnt/twice rw - nfs4 nas:/twice rw
35 34 8:1 / /mnt/twice rw - xfs /dev/sda2 rw
36 24 0:62 / /media2 rw - 9p host rw
torn 24 0:6
""".strip()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/share/prints", None),
        ("/share", None),
        ("/config/prints", None),
        ("/media/nas", "cifs"),
        ("/media/nas/prints/old", "cifs"),
        ("/media/prints", None),
        ("/media", "cifs"),
        ("/media2/x", "9p"),
        ("/mnt/my usb\\stick/prints", "fuseblk"),
        ("/mnt/twice", None),
        ("/", "cifs"),
    ],
)
def test_a_folder_is_told_of_where_only_this_machine_changes_it(
    table: Path, folder: str, kind: str | None
) -> None:
    """Whoever trusts a share to tell waits for files that came long ago."""
    assert untold(Path(folder), table) == kind


def test_a_system_without_a_table_tells_of_nothing(tmp_path: Path) -> None:
    assert untold(Path("/share"), tmp_path / "missing") == "?"
    (tmp_path / "empty").write_bytes(b"\xff\xfe - \n1 2 3 4 \n")
    assert untold(Path("/share"), tmp_path / "empty") == "?"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such table")
def test_the_table_of_this_machine_is_understood() -> None:
    """Its processes lie on a file system of the kernel's own, which changes without telling."""
    assert untold(Path("/proc/self")) == "proc"
