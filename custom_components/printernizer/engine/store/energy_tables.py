"""The tables of migration 0006: energy of runs and of standby."""

from __future__ import annotations
