"""What lies in the demo's library, as people put it there: models, sliced files, ideas.

The models are formulas (`scripts.lib.sculptures`), the sliced files those that the simulated
printers print. All of it goes through the integration's own library at its own (past) moment.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from custom_components.printernizer.engine.library_file import Origin, Source
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.ideas import Ideas, Wish
from custom_components.printernizer.engine.workshop.library import Library
from custom_components.printernizer.engine.workshop.sandbox import Sandbox
from scripts.lib import sculptures
from scripts.lib.sheet_files import three_mf, wavefront

from .binary_gcode import binary_gcode
from .past import PastClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from custom_components.printernizer.engine.library_file import LibraryFile

SLICED: Final = Path(__file__).parents[2] / "tests" / "fixtures" / "files"
SENDER: Final = "PrusaSlicer"
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "gift": "gift",
        "machine": "machine part",
        "workshop": "Workshop",
        "gifts": "Gifts",
        "gear": "PETG, four walls. Grease it before it is built in.",
        "socket": "Fits M5, measured with the new nozzle.",
        "found": "Seen at a friend's, prints in an hour.",
        "bins": "Three drawers are still missing.",
        "hook": "Coat hook",
        "shelf": "For the new shelf, holds 5 kg.",
        "duckling": "Bathing duck",
    },
    "de": {
        "gift": "Geschenk",
        "machine": "Maschinenteil",
        "workshop": "Werkstatt",
        "gifts": "Geschenke",
        "gear": "PETG, vier Wände. Vor dem Einbau fetten.",
        "socket": "Passt auf M5, mit der neuen Düse gemessen.",
        "found": "Bei Freunden gesehen, druckt in einer Stunde.",
        "bins": "Drei Schubladen fehlen noch.",
        "hook": "Garderobenhaken",
        "shelf": "Für das neue Regal, trägt 5 kg.",
        "duckling": "Badeente",
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One file, and what people said of it. Tags, collection and note are keys of the words."""

    name: str
    make: Callable[[Path], object]
    days: int
    """How long ago it came."""
    sender: str | None = None
    """The slicer that sent it; None: somebody uploaded it."""
    tags: tuple[str, ...] = ()
    collection: str | None = None
    note: str | None = None
    favourite: bool = False
    thrown_away: bool = False


def _stl(make: Callable[[], sculptures.Floats]) -> Callable[[Path], object]:
    return lambda path: sculptures.write_stl(path, make())


def _copy(name: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(SLICED.joinpath(name).read_bytes())


def _project(path: Path) -> object:
    parts = [
        (sculptures.gear(), "#F72323", (60.0, 70.0, 0.0)),
        (sculptures.vase(160, 50), "#FFFFFF", (130.0, 120.0, 0.0)),
        (sculptures.bracket(), "#161616", (130.0, 50.0, 0.0)),
    ]
    return three_mf(path, parts)


def _binary(path: Path) -> object:
    text = SLICED.joinpath("knurled knob.gcode").read_text()
    return path.write_bytes(binary_gcode(text))


ITEMS: Final = (
    Item(name="planetary gear.stl", make=_stl(lambda: sculptures.gear(15)), days=83),
    Item(
        name="trefoil.stl", make=_stl(lambda: sculptures.knot(300, 36)), days=61, thrown_away=True
    ),
    Item(
        name="twisted vase.stl",
        make=_stl(lambda: sculptures.vase(200, 70)),
        days=52,
        tags=("gift",),
        collection="gifts",
        favourite=True,
    ),
    Item(
        name="planetary gear.stl",
        make=_stl(sculptures.gear),
        days=41,
        tags=("machine",),
        collection="workshop",
        note="gear",
    ),
    Item(name="wall bracket.obj", make=lambda p: wavefront(p, sculptures.bracket()), days=33),
    Item(
        name="bathing duck.stl",
        make=_stl(lambda: sculptures.duck(64)),
        days=24,
        tags=("gift",),
        collection="gifts",
    ),
    Item(
        name="Türschild Werkstatt.stl",
        make=_stl(lambda: sculptures.sign("Werkstatt", cell=0.5)),
        days=17,
        collection="workshop",
    ),
    Item(name="three parts.3mf", make=_project, days=11, tags=("machine",), favourite=True),
    Item(name="cable clip.gcode", make=_copy("cable clip.gcode"), days=6, sender=SENDER),
    Item(
        name="knurled knob.bgcode",
        make=_binary,
        days=3,
        sender=SENDER,
        tags=("machine",),
        note="socket",
    ),
    Item(name="test box.gcode.3mf", make=_copy("test box.gcode.3mf"), days=2, favourite=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """Something to be printed one day."""

    title: str
    """A key of the words, or a name that is the same everywhere."""
    url: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """What became of it."""


_THOUGHTS: Final = (
    Thought(
        title="3D Benchy",
        url="https://www.thingiverse.com/thing:763622",
        more={"state": "printed"},
    ),
    Thought(
        title="Benchy, once more",
        url="https://www.printables.com/model/3161-3d-benchy",
        note="found",
        tags=("gift",),
    ),
    Thought(
        title="Gridfinity",
        url="https://gridfinity.xyz/catalog/",
        note="bins",
        tags=("machine",),
        more={"state": "planned", "pieces": 3, "material": "PETG"},
    ),
    Thought(title="hook", note="shelf"),
)


async def write_library(folder: Path, database: Path, language: str) -> int:
    """Fill a new library; returns how many files lie in it. `database` may be new as well."""
    words = _WORDS[language]
    clock = PastClock(datetime.now(UTC))
    today = clock.at
    with tempfile.TemporaryDirectory() as made:
        paths = await asyncio.to_thread(_made, Path(made))
        async with (
            Store(f"sqlite:///{database}") as store,
            Library(store, clock, folder) as library,
            Ideas(store, clock) as ideas,
        ):
            kept = []
            for item, path in zip(ITEMS, paths, strict=True):
                clock.at = today - timedelta(days=item.days)
                kept.append(await _put(library, item, path, words))
            clock.at = today
            await _measure(library, kept)
            # Today: what lay in the bin for a month is deleted at the first start.
            thrown = {item.name for item in ITEMS if item.thrown_away}
            await library.recycle([file.id for file in kept if file.name in thrown])
            duck = next(file for file in kept if file.name == "bathing duck.stl")
            await _think(ideas, words, duck.id)
            return (await library.statistics()).shelf_files


def _made(folder: Path) -> list[Path]:
    """Make all files; each in a folder of its own, since two have the same name."""
    paths = []
    for number, item in enumerate(ITEMS):
        folder.joinpath(str(number)).mkdir()
        paths.append(folder / str(number) / item.name)
        item.make(paths[-1])
    return paths


async def _put(library: Library, item: Item, path: Path, words: Mapping[str, str]) -> LibraryFile:
    origin = Origin.SLICER if item.sender else Origin.UPLOADED
    added = await library.add(path, item.name, source=Source(origin=origin, sender=item.sender))
    file = added.file.id
    if item.tags:
        await library.tag([file], [words[tag] for tag in item.tags])
    if item.collection:
        name = words[item.collection]
        known = {each.name: each for each in await library.collections()}
        collection = known.get(name) or await library.add_collection(name)
        await library.move_to([file], collection.id)
    if item.note:
        await library.note(file, words[item.note])
    if item.favourite:
        await library.favourite(file)
    return added.file


async def _measure(library: Library, files: list[LibraryFile]) -> None:
    """Have the models measured, two at a time: Home Assistant's own library does it by itself."""
    sandbox = Sandbox(at_once=2, longest_s=30.0, memory_bytes=512 << 20, largest_bytes=1 << 20)

    async def one(file: LibraryFile) -> None:
        facts = await sandbox.described(await library.path(file.id), file.name)
        await library.set_facts(file.id, facts)

    models = [file for file in files if file.facts is None or not file.facts.plates]
    await asyncio.gather(*map(one, models))


async def _think(ideas: Ideas, words: Mapping[str, str], duck: UUID) -> None:
    for thought in _THOUGHTS:
        wish = Wish(
            url=thought.url,
            title=words.get(thought.title, thought.title),
            notes=words[thought.note] if thought.note else "",
            tags=[words[tag] for tag in thought.tags],
        )
        idea = (await ideas.add(wish)).idea
        if thought.more:
            await ideas.change(idea.id, thought.more)
    duckling = await ideas.add(Wish(title=words["duckling"], tags=[words["gift"]], pieces=2))
    await ideas.became(duckling.idea.id, file_id=duck)
