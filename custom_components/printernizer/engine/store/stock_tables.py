"""The tables of migration 0003: materials, spools, their movements and the places they hang."""

from __future__ import annotations
