"""What stands for a file of which there is no picture: its kind, drawn in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..engine.file import FileKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHEET: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" width="256" height="256">'
    '<g fill="none" stroke="#8a94a0" stroke-width="6" stroke-linejoin="round">'
    '<path d="M72 24h84l44 44v164H72z"/><path d="M156 24v44h44"/>{drawing}</g>'
    '<text x="136" y="212" font-family="sans-serif" font-size="26" fill="#8a94a0" '
    'text-anchor="middle">{word}</text></svg>'
)
_CUBE: Final = '<path d="M136 96l40 22v44l-40 22-40-22v-44zM96 118l40 22 40-22M136 140v44"/>'
_LAYERS: Final = '<path d="M98 112h76M98 130h76M98 148h76M98 166h76"/>'
_PLATE: Final = '<path d="M96 160l40-18 40 18-40 18zM118 150v-34l18-8 18 8v34"/>'
_DRAWINGS: Final[Mapping[FileKind | None, tuple[str, str]]] = {
    FileKind.STL: (_CUBE, "STL"),
    FileKind.OBJ: (_CUBE, "OBJ"),
    FileKind.OTHER_MESH: (_CUBE, "3D"),
    FileKind.THREEMF: (_PLATE, "3MF"),
    FileKind.GCODE: (_LAYERS, "G-code"),
    FileKind.BGCODE: (_LAYERS, "bgcode"),
    None: ("", "?"),
}


def kind_picture(kind: FileKind | None) -> bytes:
    """Return an SVG for a kind of file."""
    drawing, word = _DRAWINGS[kind]
    return _SHEET.format(drawing=drawing, word=word).encode()
