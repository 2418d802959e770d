"""What happens to a picture where memory ends: a refusal, never a wait for more of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
MULTIPLIED = """
import resource, signal
from pathlib import Path
import numpy as np
from custom_components.printernizer.engine.preview import view

signal.alarm(20)
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (8 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
framing = view.Framing(512, 512, [view.axes(-35.0, 30.0)])
framing.add(np.ones((5000, 3), np.float32))
"""


def test_matrices_are_multiplied_where_memory_is_short() -> None:
    """OpenBLAS would ask for its buffer for ever: ten seconds of a core for each such file."""
    done = subprocess.run(
        [sys.executable, "-c", MULTIPLIED], cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
