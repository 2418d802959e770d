"""The files of the shop: what lies on the shelf, what lies on printers, and how they are found."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import UUID

from .errors import NotAllowed
from .names import RESERVED, without_tricks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from .file import FileFacts, FileKind

ONE_SHELF: Final = UUID(int=0)
"""The shelf of a shop that has only one."""

LONGEST_NAME: Final = 500
"""Characters of a name as it is shown."""
LONGEST_NOTE: Final = 10_000
LONGEST_TAG: Final = 60
MOST_TAGS: Final = 50
_LONGEST_SEARCH: Final = 200
_MOST_WORDS: Final = 12


class Origin(StrEnum):
    """How a file came to us."""

    UPLOADED = "uploaded"
    DOWNLOADED = "downloaded"
    """Fetched from a printer."""
    WATCHED = "watched"
    """Found in a folder that is watched."""
    SLICER = "slicer"
    """Sent straight in by a slicer."""
    SEEN = "seen"
    """Met on a printer, and never fetched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a file came from."""

    origin: Origin
    printer_id: str | None = None
    """Of what lay on a printer."""
    path: str | None = None
    """There, or in the watched folder."""
    sender: str | None = None
    """Which slicer or key sent it, or the id of the user who uploaded it."""


class Whereabouts(StrEnum):
    """Where the content of a file lies."""

    AVAILABLE = "available"
    """On a printer alone; it can be fetched."""
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    """On the shelf, and on a printer as well."""
    LOCAL_ONLY = "local_only"
    """On the shelf alone."""
    ELSEWHERE = "elsewhere"
    """On the shelf of another site of the same shop alone."""
    GONE = "gone"
    """It lay on a printer once, and nobody fetched it in time."""


ON_SHELF: Final = frozenset({Whereabouts.DOWNLOADED, Whereabouts.LOCAL_ONLY})


class FileState(StrEnum):
    """Whether a file is kept, or lies in the recycle bin."""

    KEPT = "kept"
    RECYCLED = "recycled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A printer on which the same content lies, or lay."""

    printer_id: str
    path: str
    present: bool
    """Whether it lay there when somebody looked last."""
    certain: bool
    """Known by its hash; otherwise by name and size, as the brand's rules allow."""
    last_seen: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryFile:
    """One content, with everything the shop knows of it."""

    id: UUID
    name: str
    """As it was given; any Unicode."""
    sha256: str | None
    """Of the content, lower-case hex. None: it was never on the shelf."""
    kind: FileKind | None = None
    """By its bytes. None: nobody looked at them yet."""
    size_bytes: int | None = None
    added_at: datetime
    source: Source
    where: Whereabouts = Whereabouts.LOCAL_ONLY
    shelves: tuple[UUID, ...] = (ONE_SHELF,)
    """Where its bytes lie: several sites may share a list, each with a disk of its own."""
    state: FileState = FileState.KEPT
    recycled_at: datetime | None = None
    revision: int = 1
    """From 1: how many contents of this name and source there were up to this one."""
    revision_of: UUID | None = None
    """The file that was the newest before this one."""
    latest: bool = True
    """Whether no newer revision is kept."""
    tags: tuple[str, ...] = ()
    """In alphabetical order."""
    favourite: bool = False
    collection_id: UUID | None = None
    note: str = ""
    aliases: tuple[str, ...] = ()
    """Other names under which the same content came."""
    facts: FileFacts | None = None
    """What it says of itself. None: it was not read, or could not be."""
    facts_error: str | None = None
    """Why it could not be."""
    printed_at: datetime | None = None
    """When a print of it began last, as far as we saw."""
    places: tuple[Place, ...] = ()

    @property
    def on_shelf(self) -> bool:
        """Whether its content lies here."""
        return self.where in ON_SHELF

    def seen_from(self, shelf: UUID) -> LibraryFile:
        """Return it as one site sees it: what lies at another alone does not lie here."""
        return replace(self, where=seen_from(self.where, here=shelf in self.shelves))


def seen_from(where: Whereabouts, *, here: bool) -> Whereabouts:
    """Return where a content lies for a site, which has it or has not."""
    if here or where not in ON_SHELF:
        return where
    return Whereabouts.AVAILABLE if where is Whereabouts.DOWNLOADED else Whereabouts.ELSEWHERE


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A folder of the owner's own; a file is in one at most."""

    id: UUID
    name: str


class SortBy(StrEnum):
    """Orders of a list."""

    ADDED = "added"
    NAME = "name"
    SIZE = "size"


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryFilter:
    """Which files; what is None does not matter."""

    text: str | None = None
    """Words, or beginnings of words: all of them in name, tags, note, printer, material, slicer."""
    state: FileState = FileState.KEPT
    where: Whereabouts | None = None
    kind: FileKind | None = None
    printer_id: str | None = None
    """It lies there, or came from there."""
    material: str | None = None
    shortest: timedelta | None = None
    """A plate of it prints for so long at least, by the slicer's estimate."""
    longest: timedelta | None = None
    """That plate prints for no longer."""
    tag: str | None = None
    collection_id: UUID | None = None
    favourite: bool | None = None
    latest: bool | None = None
    """True: without revisions that are replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryCursor:
    """Where a page ended."""

    number: int
    """Of its last file, in the order in which files were added."""
    value: str | int | None = None
    """What it was sorted by, beside that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryPage:
    """Some files, in order."""

    files: tuple[LibraryFile, ...]
    next: LibraryCursor | None
    """None on the last page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryFigures:
    """What the library holds."""

    files: int
    """Kept, the recycle bin not counted."""
    shelf_files: int
    """Contents on the shelf, the recycle bin included."""
    shelf_bytes: int
    recycled_files: int
    recycled_bytes: int
    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Kept files and their bytes, by kind; "" is a kind nobody knows."""
    by_where: Mapping[Whereabouts, int] = field(default_factory=dict)
    """Kept files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """How much may lie on the shelf, recycle bin included."""

    bytes: int | None = None
    files: int | None = None
    spare_bytes: int = 256 << 20
    """What stays free on the disk, whatever else is allowed: the ledger lives there, too."""

    def refuse(self, used_files: int, used_bytes: int, new_bytes: int) -> None:
        """Raise NotAllowed(key="library_full") when one more file is too much."""
        if self.files is not None and used_files + 1 > self.files:
            raise NotAllowed(f"{self.files} files lie there", key="library_full")
        if self.bytes is not None and used_bytes + new_bytes > self.bytes:
            raise NotAllowed(f"{used_bytes} of {self.bytes} bytes are taken", key="library_full")


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanUpRule:
    """Which files may go into the recycle bin by themselves.

    Favourites never do, nor what a running print, an open order or an open idea needs.
    """

    older_than: timedelta | None = None
    """Since it was added."""
    not_printed_for: timedelta | None = None
    """Since its last print; since it was added where nobody printed it."""
    replaced: bool = False
    """Only revisions that were replaced."""
    tagged: bool = False
    """Also files with tags or in a collection: somebody cared for them."""
    origin: Origin | None = None
    """Only files that came to us so."""

    @property
    def empty(self) -> bool:
        """Whether it says nothing, and so means nothing."""
        return self.older_than is None and self.not_printed_for is None and not self.replaced


# -- names and words ---------------------------------------------------------------------------

_FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|]')
_LONGEST_STORED: Final = 180
"""Bytes of a name on disk: eCryptfs allows 143 to 255, others 255."""
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS: Final = re.compile(r"[^\W_]+")
_DIGITS: Final = 10
"""Of a print time as a key: three hundred years of seconds."""
_LABEL: Final = "\ue000"
"""Of a private range: what begins words that stand for labels."""


def shown_name(given: str) -> str:
    """Return the last part of a name as people see it. Raises NotAllowed(key="bad_title").

    It is kept as given, any Unicode: only what cannot be shown or stored is taken out.
    """
    text = given.encode("utf-8", "replace").decode("utf-8")
    part = re.split(r"[\\/]", text)[-1]
    name = without_tricks(part).strip()[:LONGEST_NAME]
    if name in {"", ".", ".."}:
        raise NotAllowed("it has no name", key="bad_title")
    return name


def compared(name: str) -> str:
    """Return a name as it is compared and sorted: composed, without regard to case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def stored_name(name: str) -> str:
    """Return a name that every file system takes: never empty, never one that leads elsewhere."""
    clean = unicodedata.normalize("NFC", without_tricks(name))
    clean = clean.encode("utf-8", "replace").decode("utf-8")
    clean = _FORBIDDEN.sub("_", clean).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending.encode()) > 20:
        stem, ending = clean, ""
    room = _LONGEST_STORED - len(ending.encode()) - 1
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip(" .")
    if not stem or stem.split(".", 1)[0].rstrip().casefold() in RESERVED:
        stem = f"_{stem}"
    return f"{stem}.{ending}" if ending else stem


def folded(text: str) -> str:
    """Return text without case and accents."""
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", bare.casefold())


def _words(text: str) -> list[str]:
    # Composed first: a mark of its own would part the word that it belongs to.
    return _WORDS.findall(unicodedata.normalize("NFC", text))


def _spellings(word: str) -> tuple[str, ...]:
    """Return a word folded, and with its umlauts written out where it has some."""
    plain = folded(word)
    written = folded(unicodedata.normalize("NFC", word).casefold().translate(_UMLAUTS))
    return (plain,) if written == plain else (plain, written)


def search_words(*texts: str | None) -> str:
    """Return the words by which a file is found: folded, each once, parted by blanks.

    "CalibrationCube" is found by its parts as well, "Würfel" as "wurfel" and "wuerfel".
    """
    found: dict[str, None] = {}
    for text in texts:
        for word in _words(text or ""):
            for part in (word, *(_HUMP.split(word) if not word.islower() else ())):
                for spelling in _spellings(part):
                    # Folding may bring out what parts words: a letter in brackets, a fraction.
                    found |= dict.fromkeys(_WORDS.findall(spelling))
    return " ".join(found)


def time_key(span: timedelta) -> str:
    """Return a print time in whole seconds, so that keys are in order as texts."""
    most = 10**_DIGITS - 1
    return f"{min(max(int(span.total_seconds()), 0), most):0{_DIGITS}}"


def label_word(kind: str, key: str) -> str:
    """Return the word by which the index of words knows a label.

    It begins with a character that no word has: nobody comes upon it by typing.
    """
    return f"{_LABEL}{kind[0]}{blake2b(key.encode(), digest_size=8).hexdigest()}"


def is_label_word(word: str) -> bool:
    """Whether a word of the index stands for a label as a whole."""
    return word.startswith(_LABEL)


def search_terms(text: str) -> tuple[tuple[str, ...], ...]:
    """Return what somebody searches for: of each word its spellings, one of which must begin one.

    Empty when there is no word in it.
    """
    terms = []
    for word in _words(text[:_LONGEST_SEARCH])[:_MOST_WORDS]:
        spellings = dict.fromkeys(
            each for spelling in _spellings(word) for each in _WORDS.findall(spelling)
        )
        if spellings:
            terms.append(tuple(spellings))
    return tuple(terms)


def tag_of(given: str) -> str:
    """Return a tag as it is shown. Raises NotAllowed(key="bad_tag") for one that is none."""
    tag = " ".join(without_tricks(given, " ").encode("utf-8", "replace").decode().split())
    if not tag or len(tag) > LONGEST_TAG:
        raise NotAllowed(f"a tag has 1 to {LONGEST_TAG} characters", key="bad_tag")
    return tag


def text_of(given: str, longest: int) -> str:
    """Return foreign text fit for any database, cut where it is too long."""
    return given[:longest].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
