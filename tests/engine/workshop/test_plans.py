"""Files that are fetched from printers to be measured: which, and which not."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from custom_components.printernizer.engine.drivers.base import RemoteFile
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile
from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop import plans
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock

from .test_accounts import PATH, PLATE, Rig, _unseen


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        yield Rig(store, HandClock())


async def _ended(workshop: Workshop, **identity: str) -> Job:
    """Return a run of the file with this name, as its printer told of it."""
    return replace(await _unseen(workshop), identity=JobIdentity(**identity))


async def test_a_printer_without_storage_is_not_asked_for_files(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A printer that a server feeds line by line has no files; its run is reckoned without."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        ended = await _ended(workshop, path=PATH)
        assert await workshop._plans.fetch(ended) is not None
        monkeypatch.setattr(workshop.fleet["V1"].require(), "storage", None)
        assert await workshop._plans.fetch(ended) is None
        assert len(rig.measured.asked) == 1


async def test_a_file_is_not_fetched_onto_a_disk_that_is_nearly_full(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant with a full disk stops; no gram is worth that."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        ended = await _ended(workshop, path=PATH)
        free = plans.ROOM_BYTES + len(b"G28\n")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free - 1))
        assert await workshop._plans.fetch(ended) is None
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        assert await workshop._plans.fetch(ended) is not None


async def test_a_file_that_cannot_be_measured_is_none(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What people put on their cards is not always what its ending says."""

    async def broken(path: Path, plate: int | None = None) -> None:
        raise BadFile("no G-code at all")

    async with rig.shop() as workshop:
        await rig.open(workshop)
        monkeypatch.setattr(rig.measured, "measured", broken)
        assert await workshop._plans.fetch(await _ended(workshop, path=PATH)) is None


async def test_one_folder_that_cannot_be_read_hides_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged folder on the card; the file that was printed lies in the next one."""
    cached = "/cache/part.gcode"
    rig.machine.store(VirtualFile(path=cached, content=b"G28 ; cached\n", plates=(PLATE,)))
    async with rig.shop() as workshop:
        await rig.open(workshop)
        storage = workshop.fleet["V1"].require().storage
        assert storage is not None
        real = storage.list

        async def damaged(path: str = "/") -> tuple[RemoteFile, ...]:
            if path == "/":
                raise BadFile("not a listing")
            return await real(path)

        monkeypatch.setattr(storage, "list", damaged)
        assert await workshop._plans.fetch(await _ended(workshop, name="part")) is not None
        assert rig.measured.asked == [len(b"G28 ; cached\n")]


@pytest.mark.parametrize(
    ("age_s", "same"),
    [(3600, True), (0, True), (-240, True), (-360, False), (-7000, False), (-8 * 3600, True)],
    ids=["before", "at_once", "clocks_differ", "sent_anew", "sent_just_now", "clock_is_wrong"],
)
async def test_another_file_under_the_same_name_is_not_taken_for_the_run(
    rig: Rig, age_s: float, *, same: bool
) -> None:
    """People slice again and send it under the same name while the first one still prints.

    Slicers send and start in one moment, and no two clocks agree: that is not another file.
    """
    async with rig.shop() as workshop:
        await rig.open(workshop)
        began = rig.clock.now()
        written = began.timestamp() - age_s
        rig.machine.store(
            VirtualFile(path=PATH, content=b"G28\n", plates=(PLATE,), modified=written)
        )
        rig.clock.jump(timedelta(hours=2))
        ended = replace(await _ended(workshop, path=PATH), started_at=began)
        assert (await workshop._plans.fetch(ended) is not None) is same
        unknown = replace(ended, started_at=None)
        assert await workshop._plans.fetch(unknown) is not None


async def test_of_files_of_one_name_it_was_the_last_before_the_run(rig: Rig) -> None:
    """Last year's file in the other format lies there still, and a new one came since."""
    ours = [("/part.3mf", -9 * 86400), ("/part.gco", -60), ("/part.bgcode", 3600)]
    async with rig.shop() as workshop:
        await rig.open(workshop)
        began = rig.clock.now()
        del rig.machine.files[PATH]
        for number, (path, offset_s) in enumerate(ours, 1):
            written = began.timestamp() + offset_s
            content = b"G28\n" * number
            rig.machine.store(
                VirtualFile(path=path, content=content, plates=(PLATE,), modified=written)
            )
        rig.clock.jump(timedelta(hours=2))
        ended = replace(await _ended(workshop, name="part"), started_at=began)
        assert await workshop._plans.fetch(ended) is not None
        assert rig.measured.asked == [8]


def test_a_model_is_not_what_ran_and_a_listing_may_tell_no_times() -> None:
    job = Job(
        id=uuid4(),
        printer_id="V1",
        identity=JobIdentity(name="part"),
        state=JobState.PRINTING,
        started_at=None,
        first_seen_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    model, one, other = (
        RemoteFile(path=path, name=path[1:], printable=path != "/part.3mf")
        for path in ("/part.3mf", "/part.gcode", "/part.bgcode")
    )
    assert plans._likeliest([model, one, other], job) is one
    assert plans._likeliest([model], job) is model
