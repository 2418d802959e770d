"""What nobody would write is refused: some seconds of every fuzzer, and the fuzzer itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import fuzz

SECONDS = 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz.SEEDS)
def test_only_refusals_come_out_of_hostile_files(kind: str, tmp_path: Path) -> None:
    """A file from outside that gets further than a refusal takes the worker along with it."""
    ran = subprocess.run(
        [sys.executable, "-m", "scripts.fuzz", "--seconds", str(SECONDS), "--only", kind],
        cwd=fuzz.ROOT,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said[-4000:]
    thrown = re.search(r"number_of_executed_units: (\d+)|(\d+) thrown", said)
    assert thrown, said[-4000:]
    assert int(thrown[1] or thrown[2]) > len(fuzz.SEEDS[kind])


def test_a_crash_is_kept_and_ends_it(tmp_path: Path) -> None:
    """A fuzzer that overlooks a crash is worse than none."""

    def stumble(_path: Path) -> None:
        raise ValueError("a bug of ours")

    thrower = fuzz.Thrower("stl", tmp_path)
    thrower._readings = [stumble]
    with pytest.raises(ValueError, match="a bug of ours"):
        thrower(b"solid")
    (kept,) = (tmp_path / "kept").iterdir()
    assert (kept.name, kept.read_bytes()) == ("stl-crash-1", b"solid")


def test_what_takes_too_long_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that never ends is as good as a crash."""
    thrower = fuzz.Thrower("stl", tmp_path)
    thrower(b"solid")
    assert not list((tmp_path / "kept").iterdir())
    monkeypatch.setattr(fuzz, "_LONGEST_S", -1.0)
    thrower(b"solid")
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.name == "stl-slow-2"
