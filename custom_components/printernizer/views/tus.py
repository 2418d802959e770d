"""The words of tus 1.0.0, in which clients send large files so that a broken line costs little.

Source: https://tus.io/protocols/resumable-upload, version 1.0.0 of 2016-03-25: core, and the
extensions creation, creation-with-upload, termination, expiration and checksum.
"""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from ..engine.errors import BadFile
from ..engine.parcel import label_of
from ..engine.workshop.reception import CHECKSUMS, LARGEST_BYTES, Checksum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.parcel import Label, Parcel

VERSION: Final = "1.0.0"
PIECE_TYPE: Final = "application/offset+octet-stream"
FILE_HEADER: Final = "Printernizer-File"
"""Not of the protocol: which file of the library an upload became."""
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_MOST_KEYS: Final = 20


def abilities() -> dict[str, str]:
    """Return what we can do, as headers."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,creation-with-upload,termination,expiration,checksum",
        "Tus-Max-Size": str(LARGEST_BYTES),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def told(parcel: Parcel) -> dict[str, str]:
    """Return how far an upload is, as headers."""
    headers = {
        "Upload-Offset": str(parcel.held_bytes),
        "Upload-Expires": format_datetime(parcel.expires_at, usegmt=True),
    }
    if parcel.file_id is not None:
        headers[FILE_HEADER] = str(parcel.file_id)
    return headers


def number(headers: Mapping[str, str], name: str) -> int:
    """Return a header that is a count of bytes. Raises BadFile(key="bad_form")."""
    said = headers.get(name, "").strip()
    if not _NUMBER.fullmatch(said):
        raise BadFile(f"{name} is no number of bytes", key="bad_form")
    return int(said)


def label(metadata: str) -> Label:
    """Return what `Upload-Metadata` says of the file.

    It may say filename or name, tags (parted by commas), collection and note; what else it says is
    none of our business. Raises BadFile(key="bad_form"), and what `label_of` raises.
    """
    said: dict[str, str] = {}
    pairs = [pair.split() for pair in metadata.split(",")] if metadata.strip() else []
    for pair in pairs[:_MOST_KEYS]:
        if not 1 <= len(pair) <= 2 or pair[0] in said:
            raise BadFile("Upload-Metadata is not as it has to be", key="bad_form")
        said[pair[0]] = _plain(pair[1]) if len(pair) == 2 else ""
    return label_in(said)


def label_in(said: Mapping[str, str]) -> Label:
    """Return what the fields of an upload say of it. Raises what `label_of` raises."""
    return label_of(
        said.get("filename") or said.get("name") or "",
        [tag for tag in said.get("tags", "").split(",") if tag.strip()],
        said.get("collection"),
        said.get("note", ""),
    )


def checksum(said: str | None) -> Checksum | None:
    """Return what `Upload-Checksum` demands. Raises BadFile(key="bad_form")."""
    if said is None:
        return None
    algorithm, _, digest = said.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise BadFile(f"we add up {', '.join(CHECKSUMS)}", key="bad_form")
    return Checksum(algorithm=algorithm, digest=_decoded(digest))


def _plain(word: str) -> str:
    return _decoded(word).decode("utf-8", "replace")


def _decoded(word: str) -> bytes:
    try:
        if _BASE64.fullmatch(word):
            return base64.b64decode(word, validate=True)
    except binascii.Error:
        pass
    raise BadFile("it is not base64", key="bad_form")
