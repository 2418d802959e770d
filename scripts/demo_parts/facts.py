"""Facts that were settled, one line each."""

from __future__ import annotations


class Facts:
    """Prints each fact as it is settled, and remembers whether all were good."""

    def __init__(self) -> None:
        self.good = True

    def tell(self, good: bool, text: str) -> None:  # noqa: FBT001 - the fact itself
        """Settle one."""
        self.good = self.good and good
        print(f"{'ok  ' if good else 'FAIL'} {text}", flush=True)
