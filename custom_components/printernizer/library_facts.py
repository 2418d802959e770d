"""Files of the library as plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.core import callback

from .stock_facts import amount
from .views.library import async_link, download_url, preview_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from homeassistant.core import HomeAssistant

    from .engine.file import FilamentFacts, FileFacts, MeshFacts, PlateFacts
    from .engine.library_file import LibraryFigures, LibraryFile, Place
    from .engine.shelf_report import ScrubReport
    from .engine.workshop.library import Library


@callback
def async_library_facts(
    hass: HomeAssistant,
    file: LibraryFile,
    printers: Mapping[str, str],
    collections: Mapping[UUID, str],
) -> dict[str, Any]:
    """Return what a list shows of a file, with links that were signed.

    printers, collections: what people call them, by their ids.
    """
    collection = file.collection_id
    facts = file.facts
    return {
        "id": str(file.id),
        "name": file.name,
        "kind": file.kind.value if file.kind else None,
        "size": file.size_bytes,
        "sha256": file.sha256,
        "where": file.where.value,
        "recycled": file.recycled_at is not None,
        "added_at": file.added_at.isoformat(),
        "printed_at": file.printed_at.isoformat() if file.printed_at else None,
        "origin": file.source.origin.value,
        "revision": file.revision,
        "latest": file.latest,
        "tags": list(file.tags),
        "collection": None if collection is None else collections.get(collection),
        "favourite": file.favourite,
        "note": file.note or None,
        "aliases": list(file.aliases),
        "places": [_place(place, printers) for place in file.places],
        "plates": len(facts.plates) if facts else 0,
        "print_times_s": [_seconds(plate) for plate in facts.plates] if facts else [],
        "error": file.facts_error,
        "url": async_link(hass, download_url(file.id)) if file.on_shelf else None,
        "preview": async_link(hass, preview_url(file.id)),
    }


async def async_collection_names(library: Library) -> dict[UUID, str]:
    """Return what people call the collections, by their ids."""
    return {each.id: each.name for each in await library.collections()}


def _place(place: Place, printers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "printer": printers.get(place.printer_id, place.printer_id),
        "path": place.path,
        "present": place.present,
        "certain": place.certain,
    }


def whole_facts(facts: FileFacts | None) -> dict[str, Any] | None:
    """Return all that a file says of itself."""
    if facts is None:
        return None
    return {
        "kind": facts.kind.value if facts.kind else None,
        "slicer": facts.slicer,
        "slicer_version": facts.slicer_version,
        "generated_at": facts.generated_at,
        "printer_model": facts.printer_model,
        "title": facts.title,
        "designer": facts.designer,
        "description": facts.description,
        "plates": [_plate(plate) for plate in facts.plates],
        "drafts": [_plate(plate) for plate in facts.drafts],
        "mesh": None if facts.mesh is None else _mesh(facts.mesh),
    }


def _plate(plate: PlateFacts) -> dict[str, Any]:
    return {
        "number": plate.number,
        "name": plate.name,
        "print_time_s": _seconds(plate),
        "mass_g": plate.used_g,
        "layer_height_mm": plate.layer_height_mm,
        "layers": plate.layers,
        "height_mm": plate.height_mm,
        "nozzles_mm": list(plate.nozzles_mm),
        "bed_type": plate.bed_type,
        "filaments": [_filament(each) for each in plate.filaments],
        "objects": [piece.name for piece in plate.pieces if not piece.skipped],
        "warnings": list(plate.warnings),
    }


def _seconds(plate: PlateFacts) -> float | None:
    return None if plate.print_time is None else plate.print_time.total_seconds()


def _filament(filament: FilamentFacts) -> dict[str, Any]:
    return {
        "index": filament.index,
        "name": filament.name,
        "material": filament.material,
        "colour": filament.colour,
        "used_g": filament.used_g,
        "used_mm": filament.used_mm,
        "cost": amount(filament.cost),
    }


def _mesh(mesh: MeshFacts) -> dict[str, Any]:
    return {
        "triangles": mesh.triangles,
        "size_mm": [round(side, 3) for side in mesh.size_mm],
        "volume_cm3": None if mesh.volume_mm3 is None else round(mesh.volume_mm3 / 1000, 3),
        "area_cm2": None if mesh.area_mm2 is None else round(mesh.area_mm2 / 100, 3),
        "watertight": mesh.watertight,
        "parts": mesh.parts,
    }


def figures_facts(figures: LibraryFigures) -> dict[str, Any]:
    """Return what the library holds."""
    return {
        "files": figures.files,
        "on_shelf": figures.shelf_files,
        "bytes": figures.shelf_bytes,
        "recycled": figures.recycled_files,
        "recycled_bytes": figures.recycled_bytes,
        "by_kind": {
            kind or "unknown": {"files": files, "bytes": size}
            for kind, (files, size) in figures.by_kind.items()
        },
        "by_where": {where.value: count for where, count in figures.by_where.items()},
    }


def scrub_facts(report: ScrubReport) -> dict[str, Any]:
    """Return what a look through the shelf found."""
    return {
        "sound": report.sound,
        "checked": report.checked,
        "bytes": report.checked_bytes,
        "mended": report.mended,
        "findings": [
            {"fault": each.fault.value, "name": each.name, "file": each.shown}
            for each in report.findings
        ],
    }
