"""What an entity looked at decides when it looks again: too little, and a state stands still."""

from __future__ import annotations

from dataclasses import replace

from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterState,
    PrinterStatus,
    Temperature,
)
from custom_components.printernizer.glass import Glass, changed_fields

STATUS = PrinterStatus(
    state=PrinterState.PRINTING, job=CurrentJob(progress=0.42), bed=Temperature(actual_c=60.0)
)


def test_only_what_was_looked_at_is_remembered() -> None:
    glass = Glass(STATUS)
    assert glass.as_status().bed == STATUS.bed
    assert glass.looked_at == {"bed"}


def test_a_derived_fact_counts_for_the_fields_behind_it() -> None:
    """A progress sensor reads `percent`; it must hear of a changed job."""
    for name, value, behind in (
        ("percent", 42, {"job"}),
        ("active", True, {"state"}),
        ("ready", False, {"state"}),
    ):
        glass = Glass(STATUS)
        assert getattr(glass.as_status(), name) == value
        assert glass.looked_at == behind


def test_changes_are_named_by_field() -> None:
    assert changed_fields(STATUS, STATUS) == frozenset()
    later = replace(STATUS, job=CurrentJob(progress=0.43), wifi_dbm=-60)
    assert changed_fields(STATUS, later) == {"job", "wifi_dbm"}
