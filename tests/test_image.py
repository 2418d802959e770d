"""The picture of the job."""

from __future__ import annotations

from dataclasses import replace

import pytest
from homeassistant.components.image import async_get_image
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError

from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.image import AGAIN_S, TRIES
from custom_components.printernizer.pictures import kind_of
from tests.hand_clock import HandClock
from tests.rich_printer import (  # noqa: F401
    JPEG,
    PNG,
    RICH,
    RichPrinter,
    SetUp,
    Stand,
    set_up,
    stand,
)


async def with_pictures(set_up: SetUp, *pictures: bytes | None) -> Stand:
    printer = RichPrinter()
    printer.pictures = list(pictures)
    stand = await set_up(printer)
    await stand.hass.async_block_till_done(wait_background_tasks=True)
    return stand


async def test_a_picture_is_fetched_once_per_job(set_up: SetUp) -> None:
    """It lies behind a slow FTPS server: not for every progress report."""
    stand = await with_pictures(set_up, PNG)
    assert RICH.job is not None
    shown = stand.state("image", "job_picture").state
    assert shown != STATE_UNKNOWN
    image = await async_get_image(stand.hass, stand.entity_id("image", "job_picture"))
    assert (image.content, image.content_type) == (PNG, "image/png")
    for layer in (22, 23):
        await stand.say(job=replace(RICH.job, layer=layer))
    await stand.say(state=PrinterState.FINISHED)
    assert stand.printer.asked_pictures == 1
    assert stand.state("image", "job_picture").state == shown


async def test_another_job_has_another_picture(set_up: SetUp) -> None:
    stand = await with_pictures(set_up, PNG, JPEG)
    first = stand.state("image", "job_picture").state
    assert RICH.job is not None
    await stand.say(job=replace(RICH.job, id="4711000002", name="Vase", path="/vase.3mf"))
    await stand.hass.async_block_till_done(wait_background_tasks=True)
    assert stand.state("image", "job_picture").state != first
    image = await async_get_image(stand.hass, stand.entity_id("image", "job_picture"))
    assert image.content_type == "image/jpeg"


async def test_a_file_sliced_again_and_printed_at_once_has_its_own_picture(
    set_up: SetUp,
) -> None:
    """Jobs that a slicer sends over the LAN have no id: all that tells them apart is the end."""
    stand = await with_pictures(set_up, PNG, PNG, JPEG)
    assert RICH.job is not None
    job = replace(RICH.job, id=None)
    await stand.say(job=job)
    await stand.hass.async_block_till_done(wait_background_tasks=True)
    asked = stand.printer.asked_pictures
    await stand.say(state=PrinterState.FINISHED, job=job)
    stand.printer.pictures = [JPEG]
    await stand.say(state=PrinterState.PREPARING, job=job)
    await stand.hass.async_block_till_done(wait_background_tasks=True)
    assert stand.printer.asked_pictures == asked + 1
    image = await async_get_image(stand.hass, stand.entity_id("image", "job_picture"))
    assert image.content == JPEG


async def test_without_a_job_there_is_no_picture(set_up: SetUp) -> None:
    stand = await with_pictures(set_up, PNG)
    await stand.say(state=PrinterState.IDLE, job=None)
    assert stand.state("image", "job_picture").state == STATE_UNKNOWN
    with pytest.raises(HomeAssistantError):
        await async_get_image(stand.hass, stand.entity_id("image", "job_picture"))


@pytest.mark.parametrize("answer", [None, b"", b"<html>"])
async def test_a_picture_that_is_missing_is_asked_for_again_but_not_for_ever(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    stand = await with_pictures(set_up, answer)
    clock = HandClock()
    monkeypatch.setattr(stand.coordinator.workshop, "clock", clock)
    assert RICH.job is not None
    await stand.say(job=replace(RICH.job, id="4711000003"))
    for layer in range(10):
        await clock.advance(AGAIN_S)
        stand.printer.pictures = [answer]
        await stand.say(job=replace(RICH.job, id="4711000003", layer=layer))
        await stand.hass.async_block_till_done(wait_background_tasks=True)
    assert stand.printer.asked_pictures == 1 + TRIES
    assert stand.state("image", "job_picture").state == STATE_UNKNOWN


async def test_a_part_that_went_away_gives_no_picture(set_up: SetUp) -> None:
    stand = await with_pictures(set_up, PNG)
    stand.printer.job_picture = None
    assert RICH.job is not None
    await stand.say(job=replace(RICH.job, id="4711000004"))
    await stand.hass.async_block_till_done(wait_background_tasks=True)
    assert stand.state("image", "job_picture").state == STATE_UNKNOWN


def test_only_png_and_jpeg_are_shown() -> None:
    assert (kind_of(PNG), kind_of(JPEG), kind_of(b"GIF89a")) == ("image/png", "image/jpeg", None)
