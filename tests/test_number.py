"""What may be set to a number."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from custom_components.printernizer.engine.drivers.base import Range
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import Temperature
from tests.rich_printer import RICH, RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401


@pytest.mark.parametrize(
    ("key", "value", "command"),
    [
        ("tool_0_target", 230.0, ("heat", "tool_0", 230.0)),
        ("bed_target", 0.0, ("heat", "bed", 0.0)),
        ("speed", 120.0, ("percent", 120)),
    ],
)
async def test_a_number_reaches_the_printer(
    stand: Stand, key: str, value: float, command: tuple[object, ...]
) -> None:
    await stand.call("number", "set_value", key, value=value)
    assert stand.printer.told == [command]


async def test_a_refused_number_is_told(stand: Stand) -> None:
    stand.printer.refusal = Refused("too hot", key="out_of_range")
    with pytest.raises(ServiceValidationError) as refusal:
        await stand.call("number", "set_value", "bed_target", value=100)
    assert refusal.value.translation_key == "out_of_range"


async def test_beyond_the_printers_range_nothing_is_sent(stand: Stand) -> None:
    with pytest.raises(ServiceValidationError):
        await stand.call("number", "set_value", "bed_target", value=111)
    assert stand.printer.told == []
    assert stand.state("number", "bed_target").attributes["max"] == 110


async def test_every_heater_that_can_be_set_has_its_target(set_up: SetUp) -> None:
    printer = RichPrinter()
    printer.ranges = {
        key: Range(minimum=0, maximum=80) for key in ("tool_1", "chamber", "tool_9", "mystery")
    }
    stand = await set_up(printer)
    assert stand.state("number", "tool_1_target").state == "0.0"
    assert stand.state("number", "tool_1_target").name == "Rich One Nozzle 2 target temperature"
    assert stand.state("number", "chamber_target").state == "40.0"
    assert stand.state("number", "tool_9_target").state == STATE_UNKNOWN
    assert not stand.has("number", "mystery_target")
    assert not stand.has("sensor", "chamber_target")
    assert stand.has("sensor", "bed_target")
    await stand.say(chamber=None)
    assert stand.state("number", "chamber_target").state == STATE_UNKNOWN


async def test_without_a_range_of_speed_there_is_no_number_for_it(set_up: SetUp) -> None:
    printer = RichPrinter()
    printer.percent_range = None
    stand = await set_up(printer)
    assert not stand.has("number", "speed")
    assert stand.has("sensor", "speed")


async def test_parts_that_went_away_are_told(stand: Stand) -> None:
    stand.printer.heaters = stand.printer.speed = None
    for key in ("bed_target", "speed"):
        with pytest.raises(HomeAssistantError) as refusal:
            await stand.call("number", "set_value", key, value=60)
        assert refusal.value.translation_key == "not_supported"


async def test_a_target_follows_the_printer(stand: Stand) -> None:
    await stand.say(bed=Temperature(actual_c=60.0, target_c=75.0))
    assert stand.state("number", "bed_target").state == "75.0"
    assert RICH.bed is not None
