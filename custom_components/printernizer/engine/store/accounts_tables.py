"""The tables of migration 0004: what runs consumed and cost."""

from __future__ import annotations
