"""The library of the shop: the shelf and its list, kept together.

The bytes come first and the list after them: a process that is killed in between leaves a content
that nobody lists, which a look through the shelf finds, and never a line without its content. On
the way out it is the other way round, with the sidecar gone before all else. The list can be
rebuilt from what lies on the shelf; it is, by itself, when it is empty and the shelf is not.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

from ..errors import BadFile, NotAllowed, PrinternizerError, StoreError
from ..file import MODELS, FileKind
from ..file_match import Sighting
from ..job import JobEventKind
from ..library.intake import ANYTHING_WE_READ, read_facts_of, receive
from ..library.shelf import Shelf
from ..library_file import (
    LONGEST_NOTE,
    LONGEST_TAG,
    MOST_TAGS,
    ONE_SHELF,
    Collection,
    LibraryFile,
    LibraryFilter,
    Origin,
    Quota,
    SortBy,
    Source,
    compared,
    shown_name,
    tag_of,
    text_of,
)
from ..readings import cleaned
from ..store import (
    library,
    library_changes,
    library_glimpses,
    library_needs,
    library_places,
    printers,
)
from ..store.library_changes import Added, Came
from .beside import hide, show, write_sidecars
from .listeners import Listeners
from .rebuilding import rebuild
from .scrubbing import AFTER_START_S, Scrubbing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy import Connection

    from ..file import FileFacts
    from ..job import JobEvent
    from ..library.intake import Content, Limits
    from ..library_file import (
        CleanUpRule,
        LibraryCursor,
        LibraryFigures,
        LibraryPage,
    )
    from ..shelf_report import ScrubReport
    from ..store.database import Store
    from .clock import Clock
    from .sandbox import Sandbox

_LOGGER = logging.getLogger(__name__)

BIN_KEPT: Final = timedelta(days=30)
"""How long the recycle bin keeps what was put there."""
TIDY_EVERY_S: Final = 24 * 3600.0
SEEN_AT_ONCE: Final = 50
"""New files of printers that are listed in one transaction: some tenths of a second."""
MOST_AT_ONCE: Final = 5000
"""Files that one clean-up lets go of; the rest waits for the next one."""
_EVERYTHING: Final = LibraryFilter()


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryEvent:
    """Something changed in the library, and is durable."""

    what: str
    """"added", "changed", "recycled", "restored", "purged", "seen", "rebuilt", "scrubbed"."""
    ids: tuple[UUID, ...] = ()
    """Which files; none where it is about all of them."""


class Library:
    """Open it with `async with`. Everything it does happens off the event loop.

    folder: where the shelf is; None for a shop without one, where everything that needs it raises
    NotAllowed(key="no_library").
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        folder: Path | None,
        *,
        quota: Quota | None = None,
        sandbox: Sandbox | None = None,
        site: UUID = ONE_SHELF,
    ) -> None:
        """Prepare it. sandbox: who measures models; without one their sizes stay unknown.

        site: what a shelf is called that has no name yet; another one for each site of a shop.
        """
        self._store = store
        self._clock = clock
        self._sandbox = sandbox
        self.quota = quota or Quota()
        self._shelf = None if folder is None else Shelf(folder, spare_bytes=self.quota.spare_bytes)
        self._door = asyncio.Lock()
        """Held while a content and its line come or go together."""
        self._listeners: Listeners[LibraryEvent] = Listeners("the library")
        self._tasks: set[asyncio.Task[None]] = set()
        self._listing: set[asyncio.Task[Added]] = set()
        self._here = site
        """What our shelf is called in the list."""
        self.scrubbing = Scrubbing(store, clock, self._shelf, self._told_of_scrub)
        self.bin_kept = BIN_KEPT
        self.rules: tuple[CleanUpRule, ...] = ()
        """What goes into the recycle bin by itself, looked for once a day."""

    async def __aenter__(self) -> Self:
        if self._shelf is not None:
            try:
                await self._open(self._shelf)
            except (PrinternizerError, OSError) as err:
                # A disk that is gone must not keep the printers from being watched.
                _LOGGER.warning("The library cannot be opened: %s", err)
            self.scrubbing.start()
            self._spawn(self._tidy_forever(), "printernizer library tidying")
        return self

    async def _open(self, shelf: Shelf) -> None:
        swept = await asyncio.to_thread(shelf.open)
        if swept:
            _LOGGER.info("%s files that came in half were swept", swept)
        self._here = self.scrubbing.here = await asyncio.to_thread(shelf.called, self._here)
        await self._store.run(library_places.settle_fetches, self._here)
        files, _ = await self._store.run(library.on_shelf, self._here)
        if not files:
            await self._rebuild(shelf, told=True)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.scrubbing.stop()
        # Twice: what is listed at the last moment may begin to be measured.
        for waiting in (self._listing, ()):
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, *waiting, return_exceptions=True)

    def subscribe(self, listener: Callable[[LibraryEvent], None]) -> Callable[[], None]:
        """Hear of changes once they are durable; returns how to stop."""
        return self._listeners.add(listener)

    # -- coming in ---------------------------------------------------------------------------

    async def add(
        self,
        content: Content,
        name: str | None = None,
        *,
        source: Source | None = None,
        limits: Limits = ANYTHING_WE_READ,
        size: int | None = None,
    ) -> Added:
        """Take a file in: a path of ours, an open file, or bytes as they arrive.

        name: as people call it; that of the path without one. size: bytes as promised. Raises
        NotAllowed ("library_full", "disk_full", "disk_failed", "bad_title", "no_library"),
        BadFile as `intake.receive` does, and StoreError. Then nothing of it stays. A file that
        says nothing of itself, or garbage, is taken in all the same.
        """
        shelf = self._open_shelf()
        shown = shown_name(name if name is not None else getattr(content, "name", ""))
        files, taken = await self._store.run(library.on_shelf, self._here)

        def allow(more: int) -> None:
            self.quota.refuse(files, taken, more)

        arrived = await receive(shelf, content, shown, limits=limits, size=size, allow=allow)
        stored = arrived.stored
        path = shelf.path(stored.sha256)
        facts, error = await asyncio.to_thread(read_facts_of, path, shown)
        new = LibraryFile(
            id=uuid4(),
            name=shown,
            sha256=stored.sha256,
            kind=arrived.kind,
            size_bytes=stored.size_bytes,
            added_at=self._clock.now(),
            source=_clean(source or Source(origin=Origin.UPLOADED)),
            facts=facts,
            facts_error=error,
            shelves=(self._here,),
        )
        # Not given up half way: a content without its line would only be found by a scrub.
        listing = asyncio.create_task(self._list(shelf, new, fresh=stored.fresh))
        self._listing.add(listing)
        listing.add_done_callback(self._listing.discard)
        return await asyncio.shield(listing)

    async def room_for(self, size: int) -> None:
        """Raise NotAllowed when a file of so many bytes would not be taken in now."""
        shelf = self._open_shelf()
        files, taken = await self._store.run(library.on_shelf, self._here)
        self.quota.refuse(files, taken, size)
        await asyncio.to_thread(shelf.room_for, size)

    async def _list(self, shelf: Shelf, new: LibraryFile, *, fresh: bool) -> Added:
        assert new.sha256 is not None
        async with self._door:
            try:
                if not await asyncio.to_thread(shelf.has, new.sha256):
                    raise NotAllowed("it was removed as it came in", key="file_changed")
                added = await self._store.run(self._admitted, new)
            except BaseException:
                if fresh:
                    await self._drop_unlisted(shelf, new.sha256)
                raise
        added = replace(added, file=added.file.seen_from(self._here))
        await self._keep_sidecars([added.file])
        await self._show(shelf, added.file)
        self._tell("changed" if added.came is Came.DUPLICATE else "added", [added.file.id])
        if self._sandbox is not None and _has_surface(added.file):
            self._spawn(self._measure(self._sandbox, added.file), "printernizer library measuring")
        return added

    async def _show(self, shelf: Shelf, file: LibraryFile) -> None:
        """Give it a name among its printer's, for people who look into the folder."""
        printer = None
        if file.source.printer_id is not None:
            with suppress(PrinternizerError):  # under its serial then, and not unlisted for that
                printer = await self._store.run(printers.name_of, file.source.printer_id)
        await asyncio.to_thread(show, shelf, file, printer)

    async def _measure(self, sandbox: Sandbox, file: LibraryFile) -> None:
        """Find out how large a model is. It is kept all the same when that cannot be told."""
        facts, error = file.facts, None
        try:
            facts = await sandbox.described(await self.path(file.id), file.name)
        except BadFile as err:
            error = err.reason
        except PrinternizerError:
            return  # it went meanwhile
        with suppress(PrinternizerError):
            await self.set_facts(file.id, facts if error is None else None, error)

    def _admitted(self, connection: Connection, new: LibraryFile) -> Added:
        """List a file unless others took the room while it came in."""
        assert new.sha256 is not None
        known = library.by_sha256(connection, new.sha256)
        if known is None or self._here not in known.shelves:
            files, taken = library.on_shelf(connection, self._here)
            self.quota.refuse(files, taken, new.size_bytes or 0)
        return library_changes.add(connection, new)

    async def _drop_unlisted(self, shelf: Shelf, sha256: str) -> None:
        """Remove a content that was refused at last, unless the list knows it."""
        with suppress(PrinternizerError):
            known = await self._store.run(library.by_sha256, sha256)
            if known is None or self._here not in known.shelves:
                await asyncio.to_thread(shelf.drop, sha256)

    # -- looking -----------------------------------------------------------------------------

    async def get(self, file_id: UUID) -> LibraryFile:
        """Return one file. Raises NotAllowed(key="no_file")."""
        return _there(await self._store.run(library.get, file_id)).seen_from(self._here)

    async def path(self, file_id: UUID) -> Path:
        """Return where the content of a file lies: to be read, never to be written.

        Raises NotAllowed: "no_file", "not_on_shelf", "at_another_site".
        """
        shelf, file = self._open_shelf(), await self.get(file_id)
        if file.shelves and not file.on_shelf:
            raise NotAllowed(f"{file.name} lies at another site", key="at_another_site")
        if file.sha256 is None or not file.on_shelf:
            raise NotAllowed(f"{file.name} lies on a printer only", key="not_on_shelf")
        return shelf.path(file.sha256)

    async def at_place(self, printer_id: str, path: str) -> LibraryFile | None:
        """Return what lies under a path on a printer, as far as anybody looked."""
        file = await self._store.run(library.at_place, printer_id, path)
        return None if file is None else file.seen_from(self._here)

    async def revisions(self, file_id: UUID) -> tuple[LibraryFile, ...]:
        """Return all revisions of a file, the newest first."""
        return self._seen(await self._store.run(library.revisions, file_id))

    async def page(
        self,
        which: LibraryFilter = _EVERYTHING,
        *,
        sort: SortBy = SortBy.ADDED,
        descending: bool = True,
        after: LibraryCursor | None = None,
        limit: int = 50,
    ) -> LibraryPage:
        """Return one page of the list; `after` is where the page before ended. Limit: 1 to 500."""
        page = await self._store.run(
            library.page,
            which,
            sort=sort,
            descending=descending,
            after=after,
            limit=min(max(limit, 1), 500),
            here=self._here,
        )
        return replace(page, files=self._seen(page.files))

    async def search(self, text: str, *, limit: int = 50) -> LibraryPage:
        """Return the newest kept files that a text leads to."""
        return await self.page(LibraryFilter(text=text), limit=limit)

    async def statistics(self) -> LibraryFigures:
        """Return what the library holds."""
        return await self._store.run(library.figures, self._here)

    async def labels(self, kind: str) -> tuple[tuple[str, int], ...]:
        """Return every "tag", "material" or "printer" of kept files, with how many have it."""
        return await self._store.run(library.labels, kind)

    # -- what people say of files ------------------------------------------------------------

    async def rename(self, file_id: UUID, name: str) -> LibraryFile:
        """Give a file another name; it is still found by its printer's and its aliases."""
        shown = shown_name(name)
        before = await self.get(file_id)
        file = await self._change(file_id, {"name": shown})
        if self._shelf is not None and before.sha256 is not None and file.on_shelf:
            await asyncio.to_thread(hide, self._shelf, before)
            await self._show(self._shelf, file)
        return file

    async def note(self, file_id: UUID, note: str) -> LibraryFile:
        """Write a note, in place of the one before; it is cut after 10 000 characters."""
        return await self._change(file_id, {"note": text_of(note, LONGEST_NOTE)})

    async def favourite(self, file_id: UUID, on: bool = True) -> LibraryFile:  # noqa: FBT001, FBT002
        """Mark a file as one that nothing cleans away, or take the mark off."""
        return await self._change(file_id, {"favourite": on})

    async def tag(
        self, ids: Sequence[UUID], add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> tuple[LibraryFile, ...]:
        """Give tags to files and take others away. Raises NotAllowed(key="bad_tag")."""
        added = [tag_of(each) for each in add]
        if len(added) > MOST_TAGS:
            raise NotAllowed(f"more than {MOST_TAGS} tags", key="bad_tag")
        files = await self._store.run(library_changes.tag, ids, added, list(remove))
        return await self._changed(files)

    async def move_to(
        self, ids: Sequence[UUID], collection_id: UUID | None
    ) -> tuple[LibraryFile, ...]:
        """Put files into a collection, or into none. Raises NotAllowed(key="no_collection")."""
        known = {each.id for each in await self.collections()}
        if collection_id is not None and collection_id not in known:
            raise NotAllowed("there is no such collection", key="no_collection")
        values = {"collection_id": collection_id}
        return tuple([await self._change(each, values) for each in ids])

    async def collections(self) -> tuple[Collection, ...]:
        """Return all collections, by name."""
        return await self._store.run(library.collections)

    async def add_collection(self, name: str) -> Collection:
        """Make a collection. Raises NotAllowed: "bad_title", "name_taken"."""
        collection = Collection(id=uuid4(), name=shown_name(name)[:LONGEST_TAG])
        added = await self._store.run(library_changes.add_collection, collection, self._clock.now())
        if added is None:
            raise NotAllowed(f"there is a {collection.name} already", key="name_taken")
        self._tell("changed", [])
        return added

    async def collect(self, ids: Sequence[UUID], name: str) -> tuple[LibraryFile, ...]:
        """Put files into the collection of a name, made where there is none. Raises NotAllowed."""
        known = {compared(each.name): each for each in await self.collections()}
        collection = known.get(compared(name)) or await self.add_collection(name)
        return await self.move_to(ids, collection.id)

    async def rename_collection(self, collection_id: UUID, name: str) -> None:
        """Give a collection another name. Raises NotAllowed: "bad_title", "name_taken"."""
        collection = Collection(id=collection_id, name=shown_name(name)[:LONGEST_TAG])
        if not await self._store.run(library_changes.rename_collection, collection):
            raise NotAllowed(f"{collection.name} is another one", key="name_taken")
        await self._keep_sidecars(await self._all_in(collection_id))
        self._tell("changed", [])

    async def remove_collection(self, collection_id: UUID) -> None:
        """Remove a collection and keep its files. Raises NotAllowed(key="no_collection")."""
        files = await self._all_in(collection_id)
        if not await self._store.run(library_changes.remove_collection, collection_id):
            raise NotAllowed("there is no such collection", key="no_collection")
        await self._keep_sidecars([replace(file, collection_id=None) for file in files])
        self._tell("changed", [])

    async def read_again(self, file_id: UUID) -> LibraryFile:
        """Read the facts of a file anew, as after an update that reads more."""
        file = await self.get(file_id)
        facts, error = await asyncio.to_thread(read_facts_of, await self.path(file_id), file.name)
        return await self.set_facts(file_id, facts, error)

    async def set_facts(
        self, file_id: UUID, facts: FileFacts | None, error: str | None = None
    ) -> LibraryFile:
        """Keep what somebody else found out about a file."""
        return (
            await self._changed(
                [_there(await self._store.run(library_changes.set_facts, file_id, facts, error))]
            )
        )[0]

    async def _change(self, file_id: UUID, values: dict[str, Any]) -> LibraryFile:
        file = _there(await self._store.run(library_changes.change, file_id, values))
        return (await self._changed([file]))[0]

    async def _changed(
        self, files: Sequence[LibraryFile], what: str = "changed"
    ) -> tuple[LibraryFile, ...]:
        seen = self._seen(files)
        await self._keep_sidecars(seen)
        self._tell(what, [file.id for file in seen])
        return seen

    # -- going out ---------------------------------------------------------------------------

    async def recycle(self, ids: Sequence[UUID]) -> tuple[LibraryFile, ...]:
        """Put files into the recycle bin, from where they come back for thirty days."""
        files = await self._store.run(library_changes.recycle, ids, self._clock.now())
        return await self._changed(files, "recycled")

    async def restore(self, ids: Sequence[UUID]) -> tuple[LibraryFile, ...]:
        """Take files out of the recycle bin."""
        files = await self._store.run(library_changes.restore, ids)
        return await self._changed(files, "restored")

    async def purge(self, ids: Sequence[UUID] | None = None) -> int:
        """Delete for good what lies in the recycle bin: these files, or what is over its time.

        Returns how many. What is not in the bin stays. Raises NotAllowed(key="file_printing") for
        one that is being printed; what is over its time waits for the end of the print.
        """
        busy = await self._store.run(library_needs.printing)
        if ids is None:
            until = self._clock.now() - self.bin_kept
            over = await self._store.run(library.recycled_before, until, self._here)
            ids = [each for each in over if each not in busy]
        elif busy.intersection(ids):
            raise NotAllowed("what it consumes is measured from the file", key="file_printing")
        gone = [each for each in ids if await self._purge(each)]
        if gone:
            self._tell("purged", gone)
        return len(gone)

    async def _purge(self, file_id: UUID) -> bool:
        shelf = self._open_shelf()
        async with self._door:
            file = await self._store.run(library.get, file_id)
            if file is None or file.recycled_at is None:
                return False
            if file.shelves and self._here not in file.shelves:
                return False  # its own site empties the bin as well
            if file.sha256 is not None:
                # First of all: from here on nothing brings back its name and what was said of it.
                await asyncio.to_thread(shelf.drop_sidecar, file.sha256)
            if not await self._store.run(library_changes.forget, file_id, self._here):
                # Taken out in the last moment; or it went altogether, and there is nothing to keep.
                kept = await self._store.run(library.many, [file_id])
                await self._keep_sidecars(self._seen(kept))
                return False
            if file.sha256 is not None and file.shelves:
                await asyncio.to_thread(hide, shelf, file)
                await asyncio.to_thread(shelf.drop, file.sha256)
        return True

    async def disposable(self, *rules: CleanUpRule) -> tuple[LibraryFile, ...]:
        """Return what rules would put into the recycle bin now; without any, those of the shop."""
        files = await self._store.run(
            _disposable, rules or self.rules, self._clock.now(), self._here
        )
        return self._seen(files)

    async def clean_up(self, *rules: CleanUpRule) -> tuple[LibraryFile, ...]:
        """Put what rules let go of into the recycle bin; without any, those of the shop.

        Favourites stay, and what a running print, an open order or an open idea needs.
        """
        ids = [file.id for file in await self.disposable(*rules)]
        return await self.recycle(ids) if ids else ()

    async def _tidy_forever(self) -> None:
        """Once a day: list what the list has lost, empty the bin, let the shop's rules work."""
        # A clock that is wrong after a power cut has been set until then.
        await self._clock.sleep(AFTER_START_S)
        while True:
            for deed in (self._take_back, self.purge, self.clean_up):
                try:
                    await deed()
                except PrinternizerError as err:
                    _LOGGER.warning("The library cannot be tidied: %s", err)
                except Exception:
                    _LOGGER.exception("The library cannot be tidied")
            await self._clock.sleep(TIDY_EVERY_S)

    async def _take_back(self) -> None:
        """List what a list that was restored from an older backup does not know.

        Only what has a sidecar: that was listed once, and was not purged since.
        """
        if await self._rebuild(self._open_shelf(), told=True):
            self._tell("rebuilt", [])

    # -- printers ----------------------------------------------------------------------------

    async def seen(
        self,
        printer_id: str,
        folder: str,
        files: Iterable[tuple[str, str, int | None]],
        written: Mapping[str, datetime] = MappingProxyType({}),
    ) -> int:
        """Take note of what one folder of a printer holds: (path, name, bytes) of each file.

        written: when, by path, as far as it says. Returns how many nobody had seen before.
        """
        sightings = [
            Sighting(path=at, name=cleaned(name) or at, size_bytes=size, modified=written.get(path))
            for path, name, size in files
            if (at := cleaned(path)) is not None
        ]
        fresh = 0
        for some in batched(sightings, SEEN_AT_ONCE, strict=False):
            # In between it is others' turn: of the first look at a printer come thousands.
            fresh += await self._store.run(library_places.met, printer_id, some, self._clock.now())
        paths = {each.path for each in sightings}
        await self._store.run(library_places.left, printer_id, folder, paths)
        self._tell("seen", [])
        return fresh

    async def told(
        self, printer_id: str, path: str, facts: FileFacts | None, error: str | None
    ) -> None:
        """Keep what a file says of itself that was only seen on a printer."""
        file_id = await self._store.run(library_glimpses.tell, printer_id, path, facts, error)
        if file_id is not None:
            self._tell("changed", [file_id])

    async def removed(self, printer_id: str, path: str) -> None:
        """Take note that a file was deleted from a printer."""
        await self._store.run(library_places.removed, printer_id, path)
        self._tell("seen", [])

    async def fetching(self, file_id: UUID, *, now: bool) -> None:
        """Take note that a file is being fetched from a printer, or is not any more."""
        onto = self._here if now else None
        await self._store.run(library_places.fetching, file_id, onto)
        self._tell("changed", [file_id])

    def on_job(self, event: JobEvent) -> None:
        """Take note of a print that began: what was printed lately is not cleaned away."""
        if self._shelf is not None and event.kind is JobEventKind.STARTED:
            self._spawn(self._printed(event), "printernizer library print")

    async def _printed(self, event: JobEvent) -> None:
        job = event.job
        try:
            await self._store.run(
                library_places.printed,
                job.printer_id,
                job.identity.path,
                job.identity.name,
                event.at,
            )
        except StoreError as err:
            # The ledger tells the user of a database that takes no writes.
            _LOGGER.debug("%s: a print is not noted at its file: %s", job.printer_id, err)

    # -- the shelf as a whole ----------------------------------------------------------------

    async def rebuild(self) -> int:
        """Take into the list what lies on the shelf and is not listed; returns how many files."""
        taken = await self._rebuild(self._open_shelf())
        if taken:
            self._tell("rebuilt", [])
        return taken

    async def _rebuild(self, shelf: Shelf, *, told: bool = False) -> int:
        return await rebuild(self._store, shelf, self._clock, self._here, self._door, told=told)

    async def scrub(self) -> ScrubReport:
        """Look through all of the shelf at once, as fast as it goes. Raises NotAllowed."""
        self._open_shelf()
        return await self.scrubbing.run()

    def _told_of_scrub(self, report: ScrubReport) -> None:
        self._tell("scrubbed", [])

    # -- inside ------------------------------------------------------------------------------

    def _seen(self, files: Sequence[LibraryFile]) -> tuple[LibraryFile, ...]:
        return tuple(file.seen_from(self._here) for file in files)

    def _open_shelf(self) -> Shelf:
        if self._shelf is None:
            raise NotAllowed("this shop has no folder for files", key="no_library")
        return self._shelf

    async def _all_in(self, collection_id: UUID) -> list[LibraryFile]:
        files: list[LibraryFile] = []
        after = None
        while True:
            which = LibraryFilter(collection_id=collection_id)
            page = await self.page(which, after=after, limit=500)
            files += page.files
            if (after := page.next) is None:
                return files

    async def _keep_sidecars(self, files: Sequence[LibraryFile]) -> None:
        """Write what is known beside the contents. The list is right all the same without."""
        shelf = self._shelf
        if shelf is None or not files:
            return
        names = {each.id: each.name for each in await self.collections()}
        try:
            await asyncio.to_thread(write_sidecars, shelf, files, names)
        except NotAllowed as err:
            _LOGGER.warning("Sidecars cannot be written, a scrub mends them: %s", err)

    def _tell(self, what: str, ids: Sequence[UUID]) -> None:
        event = LibraryEvent(what=what, ids=tuple(ids))
        self._listeners.tell(event)

    def _spawn(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _has_surface(file: LibraryFile) -> bool:
    """Whether a file is a model that nobody measured yet."""
    facts = file.facts
    if facts is None or facts.mesh is not None:
        return False
    return file.kind in MODELS or (file.kind is FileKind.THREEMF and not facts.plates)


def _disposable(
    connection: Connection, rules: Sequence[CleanUpRule], now: datetime, here: UUID
) -> tuple[LibraryFile, ...]:
    found: dict[UUID, None] = {}
    for rule in rules:
        found |= dict.fromkeys(library.cleanable(connection, rule, now, here))
    if not found:
        return ()
    needed = library_needs.needed(connection)
    return library.many(connection, [each for each in found if each not in needed][:MOST_AT_ONCE])


def _there(file: LibraryFile | None) -> LibraryFile:
    if file is None:
        raise NotAllowed("there is no such file", key="no_file")
    return file


def _clean(source: Source) -> Source:
    return Source(
        origin=source.origin,
        printer_id=cleaned(source.printer_id),
        path=cleaned(source.path),
        sender=cleaned(source.sender),
    )
