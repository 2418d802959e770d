"""Files of ours on their way to a print: read, held against the printer, sent, started."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING

from ..errors import BadFile, NotAllowed, PrinternizerError, StoreError
from ..file import NO_FACTS
from ..formats.facts import read_facts
from ..store import sent
from ..store.sent import SentFile
from ..upload import target_path
from .clock import within
from .start_log import WRITE_S
from .starts import Wish
from .uploads import inspect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..file import FileFacts
    from ..start import Started
    from ..store.database import Store
    from ..upload import Upload
    from .clock import Clock
    from .fleet import Fleet
    from .plans import Plans
    from .printer_files import PrinterFiles
    from .starts import Starts
    from .uploads import Uploads

_LOGGER = logging.getLogger(__name__)


class Prints:
    """Knows what lies on the printers because we put it there."""

    def __init__(
        self,
        fleet: Fleet,
        uploads: Uploads,
        starts: Starts,
        store: Store,
        clock: Clock,
        plans: Plans,
        files: PrinterFiles,
    ) -> None:
        self._fleet = fleet
        self._uploads = uploads
        self._starts = starts
        self._store = store
        self._clock = clock
        self._plans = plans
        self._files = files
        self._doors: dict[str, asyncio.Lock] = {}
        """Held while a file is read: who asks first is sent first."""

    async def upload(
        self,
        printer_id: str,
        source: Path,
        path: str | None,
        *,
        replace: bool,
        override: bool,
        by: str | None,
    ) -> Upload:
        """Store a file of ours on a printer that it was made for."""
        self._fleet[printer_id].require()
        target = target_path(source.name, path)
        async with self._doors.setdefault(printer_id, asyncio.Lock()):
            facts, overridden = await _read(source, target, override=override)
        wish = Wish(
            printer_id=printer_id,
            path=target,
            override=override,
            by=by,
            facts=facts,
            overridden=overridden,
        )
        self._starts.admit(wish, stored=True)
        return await self._send(wish, source, replace=replace)

    async def print_file(
        self,
        printer_id: str,
        source: Path,
        *,
        path: str | None,
        plate: int | None,
        slots: Sequence[str | None],
        replace: bool,
        override: bool,
        by: str | None,
    ) -> Started:
        """Send a file of ours and print it; nobody else starts that printer meanwhile."""
        async with self._starts.claim(printer_id):
            link = self._fleet[printer_id]
            link.require()
            if link.status is None or not link.status.ready:
                state = link.status.state if link.status else "not there"
                raise NotAllowed(f"it is {state}", key="printer_busy")
            target = target_path(source.name, path)
            facts, overridden = await _read(source, target, override=override)
            wish = Wish(
                printer_id=printer_id,
                path=target,
                plate=plate,
                slots=tuple(slots),
                override=override,
                by=by,
                facts=facts,
                overridden=overridden,
            )
            self._starts.admit(wish)
            upload = await self._send(wish, source, replace=replace)
            assert upload.path is not None
            return await self._starts.start(dataclasses.replace(wish, path=upload.path))

    async def start(
        self,
        printer_id: str,
        path: str,
        *,
        plate: int | None,
        slots: Sequence[str | None],
        override: bool,
        by: str | None,
    ) -> Started:
        """Print a file that lies on the printer, held against it where we know what it is."""
        async with self._starts.claim(printer_id):
            facts = await self._facts_of(printer_id, path)
            return await self._starts.start(
                Wish(
                    printer_id=printer_id,
                    path=path,
                    plate=plate,
                    slots=tuple(slots),
                    override=override,
                    by=by,
                    facts=facts,
                )
            )

    async def forget(self, printer_id: str, path: str) -> None:
        """Forget a file that was deleted."""
        try:
            await within(self._clock, WRITE_S, self._store.run(sent.forget, printer_id, path))
        except (StoreError, TimeoutError) as err:
            _LOGGER.debug("%s: a deleted file is remembered: %s", printer_id, err)

    async def _send(self, wish: Wish, source: Path, *, replace: bool) -> Upload:
        upload = await self._uploads.send(wish.printer_id, source, wish.path, replace=replace)
        assert upload.path is not None
        assert wish.facts is not None
        self._plans.sent(wish.printer_id, upload.path, source, wish.facts)
        self._files.sent(wish.printer_id, upload.path, source)
        known = SentFile(size_bytes=upload.total_bytes, facts=wish.facts, sent_at=self._clock.now())
        try:
            remembering = self._store.run(sent.remember, wish.printer_id, upload.path, known)
            await within(self._clock, WRITE_S, remembering)
        except (StoreError, TimeoutError) as err:
            # Without it a later start makes no judgement, which is not worth an upload.
            _LOGGER.debug("%s: a sent file is not remembered: %s", wish.printer_id, err)
        return upload

    async def _facts_of(self, printer_id: str, path: str) -> FileFacts | None:
        """Return what lies under a path, if it is still what we sent there."""
        try:
            # A backup may hold the database for minutes; prints go on.
            known = await within(self._clock, WRITE_S, self._store.run(sent.find, printer_id, path))
        except (StoreError, TimeoutError) as err:
            _LOGGER.debug("%s: no memory of what was sent: %s", printer_id, err)
            return None
        storage = self._fleet[printer_id].require().storage
        if known is None or storage is None:
            return None
        try:
            files = await storage.list(path.rsplit("/", 1)[0] or "/")
        except PrinternizerError:
            # The start itself will tell what is wrong.
            return None
        there = next((file for file in files if file.path == path), None)
        if there is None or (there.size is not None and there.size != known.size_bytes):
            return None
        return known.facts


async def _read(source: Path, target: str, *, override: bool) -> tuple[FileFacts, tuple[str, ...]]:
    """Read what a file was sliced for; a broken one passes when somebody insists."""
    name = target.rpartition("/")[2]
    try:
        await asyncio.to_thread(inspect, source, name)
        return await asyncio.to_thread(read_facts, source, name=name), ()
    except BadFile as err:
        if not override or err.key != "bad_file":
            raise
        return NO_FACTS, (f"bad_file: {err.reason}",)
