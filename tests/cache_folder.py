"""Where scripts/setup puts what tests need: environments, and real servers to test against."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_GENERAL: Final = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
CACHE: Final = Path(os.environ.get("PRINTERNIZER_CACHE") or Path(_GENERAL, "printernizer"))
"""The same folder as in scripts/lib/common.sh."""
PEERS: Final = CACHE / "peers"
"""One folder for each real server; names and keys stand at the top of scripts/lib/peers.sh."""
