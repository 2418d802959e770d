"""LibreOffice without its windows: opens a file and saves it as another."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

_AGAIN: Final = 81
"""What it returns when it has only made its profile."""


def converted(
    peer: dict[str, str], file: Path, to: str, filter_name: str = "", *, infilter: str = ""
) -> Path:
    """Open a file and save it in another format; returns the new one.

    All tests of one worker share a profile: making it takes longer than the work.
    """
    folder = file.parent / "converted"
    command = [
        peer["SOFFICE"],
        f"-env:UserInstallation=file://{file.parent.parent / 'office-profile'}",
        "--headless",
        *([f"--infilter={infilter}"] if infilter else []),
        "--convert-to",
        f"{to}:{filter_name}" if filter_name else to,
        "--outdir",
        str(folder),
        str(file),
    ]
    env = {**os.environ, "HOME": str(file.parent)}
    if peer["LD_LIBRARY_PATH"]:
        env["LD_LIBRARY_PATH"] = peer["LD_LIBRARY_PATH"]
    for _ in range(2):
        done = subprocess.run(command, env=env, capture_output=True, timeout=120, check=False)
        if done.returncode != _AGAIN:
            break
    result = folder / f"{file.stem}.{to}"
    assert result.exists(), done.stderr.decode()
    return result
