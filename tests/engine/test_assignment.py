"""Whose a job is: by hand, by rule, by default."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.assignment import (
    AssignedBy,
    Assignment,
    assigned,
    fits,
    matches,
)
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState
from custom_components.printernizer.engine.shop import AssignmentRule, Purpose, ShopSettings

BERTA = UUID(int=5)


def a_job(path: str | None = "/orders/berta/Vase.gcode", name: str | None = None) -> Job:
    return Job(
        id=UUID(int=1),
        printer_id="P1",
        identity=JobIdentity(path=path, name=name),
        state=JobState.ENDED,
        started_at=None,
        first_seen_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def a_rule(**what: str | None) -> AssignmentRule:
    return AssignmentRule(purpose=Purpose.PRIVATE, **what)


@pytest.mark.parametrize(
    ("rule", "fit"),
    [
        (a_rule(), True),
        (a_rule(printer_id="P1"), True),
        (a_rule(printer_id="P2"), False),
        (a_rule(folder="/orders"), True),
        (a_rule(folder="orders/berta/"), True),
        (a_rule(folder="/orders/ber"), False),
        (a_rule(folder="/orders/berta/Vase.gcode"), False),
        (a_rule(folder="/"), True),
        (a_rule(name_pattern="vase*"), True),
        (a_rule(name_pattern="*CUP*"), False),
        (a_rule(printer_id="P1", folder="/orders", name_pattern="v?se.gcode"), True),
        (a_rule(printer_id="P1", folder="/other", name_pattern="*"), False),
    ],
    ids=str,
)
def test_a_rule_fits_when_all_that_it_names_holds(rule: AssignmentRule, fit: bool) -> None:
    assert fits(rule, a_job()) is fit


def test_a_job_without_a_path_lies_in_no_folder_but_has_a_name() -> None:
    nameless = a_job(path=None, name="Vase")
    assert not fits(a_rule(folder="/"), nameless)
    assert fits(a_rule(name_pattern="vase"), nameless)
    assert not fits(a_rule(name_pattern="*"), a_job(path=None))


def test_the_first_rule_that_fits_decides_and_without_one_the_default() -> None:
    rules = (
        a_rule(folder="/other"),
        AssignmentRule(purpose=Purpose.BUSINESS, folder="/orders", customer_id=str(BERTA)),
        a_rule(),
    )
    shop = ShopSettings(rules=rules)
    assert assigned(shop, a_job()) == Assignment(
        purpose=Purpose.BUSINESS, customer_id=BERTA, assigned_by=AssignedBy.RULE
    )
    assert assigned(ShopSettings(default_purpose=Purpose.PRIVATE), a_job()) == Assignment(
        purpose=Purpose.PRIVATE, assigned_by=AssignedBy.DEFAULT
    )
    by_hand = Assignment(purpose=Purpose.PRIVATE, assigned_by=AssignedBy.HAND, reason="for myself")
    assert assigned(shop, a_job(), by_hand) is by_hand


def test_a_rule_with_a_customer_that_is_no_id_still_says_what_for() -> None:
    shop = ShopSettings(rules=(a_rule(customer_id="Berta"),))
    assert assigned(shop, a_job()).customer_id is None


@given(st.text("ab*?", max_size=8), st.text("abC", max_size=12))
@settings(max_examples=300, deadline=None)
def test_patterns_mean_what_people_know_from_the_shell(pattern: str, name: str) -> None:
    assert matches(pattern, name) is fnmatch.fnmatchcase(name.casefold(), pattern.casefold())


def test_a_hostile_pattern_ends() -> None:
    """A name comes from whoever can put a file on a printer."""
    assert not matches("*a" * 30 + "b", "a" * 2000)
