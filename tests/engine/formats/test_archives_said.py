"""What 3MF archives say besides their plates' times: names, warnings, titles, drafts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.file import (
    FileKind,
    HeatFacts,
    PieceFacts,
    PlateFacts,
)
from custom_components.printernizer.engine.formats.facts import read_facts
from tests.engine.formats.test_facts import archive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custom_components.printernizer.engine.file import FileFacts

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/files"

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
 <metadata name="Application">BambuStudio-02.04.00.70</metadata>
 <metadata name="CreationDate">2025-12-27</metadata>
 <metadata name="ModificationDate">2025-12-28</metadata>
 <metadata name="Title">Söckel &amp; Co</metadata>
 <metadata name="Designer">A. Maker</metadata>
 <metadata name="Description">&lt;p&gt;One &amp;amp; two&lt;/p&gt;&lt;b&gt;3&lt;/b&gt;</metadata>
 <resources><metadata name="Title">another</metadata>
"""
SLICED = """<config><plate>
<metadata key="index" value="1"/><metadata key="prediction" value="1095"/>
<object identify_id="69" name="Cube" skipped="false"/>
<object identify_id="70" name="dir/Cone.stl" skipped="true"/><object identify_id="71"/>
<filament id="2" type="PETG" color="#00AE42" used_m="0.93" used_g="2.83"/>
<warning msg="bed_temperature_too_high_than_filament" level="3"/><warning level="1"/>
</plate></config>"""
SETTINGS = {
    "printer_model": "Bambu Lab A1 mini",
    "filament_type": ["PLA", "PETG"],
    "filament_settings_id": ["Generic PLA", "Generic PETG"],
    "nozzle_temperature": ["220", "250"],
    "nozzle_temperature_initial_layer": ["220", "255"],
    "curr_bed_type": "Cool Plate",
    "cool_plate_temp": ["35", "0"],
    "textured_plate_temp": ["65", "80"],
    "textured_plate_temp_initial_layer": ["65", "85"],
    "layer_height": "0.2",
    "initial_layer_print_height": "0.28",
    "other": [1],
}
PLATES = """<config>
<object id="4"><metadata key="name" value="Sphere"/><metadata face_count="1224"/>
<part id="3" subtype="normal_part"><metadata key="name" value="part of it"/></part></object>
<plate><metadata key="plater_id" value="1"/><metadata key="plater_name" value="Söckel"/>
<metadata key="locked" value="false"/></plate>
<plate><metadata key="plater_id" value="2"/><metadata key="plater_name" value=""/>
<model_instance><metadata key="object_id" value="4"/><metadata key="identify_id" value="115"/>
</model_instance>
<model_instance><metadata key="object_id" value="9"/></model_instance>
<metadata key="locked" value="true"/></plate>
<plate><metadata key="plater_id" value="x"/></plate>
</config>"""
HEADER = """; HEADER_BLOCK_START
; BambuStudio 02.04.00.70
; total layer number: 90
; total filament length [mm] : 932.21
; max_z_height: 18.00
; filament: 2
; HEADER_BLOCK_END
"""
LAYOUT = {"bbox_all": [81.0, 82.0, 99.0, 97.0], "bed_type": "textured_plate"}
WHOLE = {
    "3D/3dmodel.model": MODEL,
    "Metadata/slice_info.config": SLICED,
    "Metadata/project_settings.config": json.dumps(SETTINGS),
    "Metadata/model_settings.config": PLATES,
    "Metadata/plate_1.gcode": HEADER,
    "Metadata/plate_1.json": json.dumps(LAYOUT),
}


def read(path: Path, more: Mapping[str, str | bytes] | None = None) -> FileFacts:
    path.write_bytes(archive({**WHOLE, **(more or {})}))
    return read_facts(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it"


def test_an_export_says_all_of_it(path: Path) -> None:
    facts = read(path)
    assert (facts.slicer, facts.slicer_version) == ("BambuStudio", "02.04.00.70")
    assert (facts.title, facts.designer, facts.generated_at) == (
        "Söckel & Co",
        "A. Maker",
        "2025-12-28",
    )
    assert facts.description == "One & two\n3"
    (plate,) = facts.plates
    (filament,) = plate.filaments
    # Exactly, from the header of the moves, and not the hundredths of a metre beside it.
    assert (filament.index, filament.used_mm, filament.name) == (1, 932.21, "Generic PETG")
    assert (plate.name, plate.layers, plate.height_mm) == ("Söckel", 90, 18.0)
    assert (plate.layer_height_mm, plate.first_layer_height_mm) == (0.2, 0.28)
    assert plate.bed_type == "Textured PEI Plate"
    assert plate.heat == HeatFacts(nozzle_first_c=255, nozzle_c=250, bed_first_c=85, bed_c=80)
    assert (plate.lowest_mm, plate.size_mm) == ((81.0, 82.0, 0.0), (18.0, 15.0, 18.0))
    assert plate.objects == 2
    assert plate.pieces == (
        PieceFacts(id="69", name="Cube"),
        PieceFacts(id="70", name="Cone.stl", skipped=True),
    )
    assert plate.warnings == ("bed_temperature_too_high_than_filament",)


def test_plates_that_are_not_sliced_are_drafts(path: Path) -> None:
    (draft,) = read(path).drafts
    assert (draft.number, draft.name, draft.objects) == (2, None, 2)
    assert draft.pieces == (PieceFacts(id="115", name="Sphere"),)
    assert (draft.layer_height_mm, draft.bed_type) == (0.2, "Cool Plate")
    assert (draft.print_time, draft.filaments) == (None, ())


def test_a_project_of_prusaslicer_is_one_draft(path: Path) -> None:
    config = (
        "; generated by PrusaSlicer 2.8.1 on 2026-01-01 at 00:00:00 UTC\n\n"
        "; printer_model = MK4S\n; nozzle_diameter = 0.4\n; filament_type = PLA\n"
        "; layer_height = 0.2\n; first_layer_height = 150%\n; temperature = 215\n"
    )
    objects = (
        '<config><object id="1" instances_count="2"><metadata type="object" key="name" '
        'value="a.stl"/><volume firstid="0"><metadata type="volume" key="name" value="no"/>'
        '</volume></object><object id="2"><metadata type="object" key="name" value="b"/></object>'
        "</config>"
    )
    path.write_bytes(
        archive(
            {
                "3d/3DMODEL.model": MODEL.replace("BambuStudio-02.04.00.70", "PrusaSlicer-2.8.1"),
                "Metadata/Slic3r_PE.config": config,
                "Metadata/Slic3r_PE_model.config": objects,
            }
        )
    )
    facts = read_facts(path)
    assert (facts.kind, facts.slicer, facts.slicer_version) == (
        FileKind.THREEMF,
        "PrusaSlicer",
        "2.8.1",
    )
    assert (facts.generated_at, facts.printer_model) == ("2026-01-01T00:00:00Z", "MK4S")
    assert facts.title == "Söckel & Co"
    (draft,) = facts.drafts
    assert facts.plates == ()
    assert (draft.first_layer_height_mm, draft.heat) == (0.3, HeatFacts(nozzle_c=215))
    assert [piece.name for piece in draft.pieces] == ["a.stl", "a.stl", "b"]
    assert draft.objects == 3


def test_the_root_is_where_the_package_says(path: Path) -> None:
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Target="/nowhere" Type="x"/><Relationship Target="/3D/other%20one.model" '
        'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
    )
    members = {"_rels/.rels": relations, "3D/other one.model": MODEL, "3D/3dmodel.model": "<x/>"}
    path.write_bytes(archive(members))
    assert read_facts(path).title == "Söckel & Co"


@pytest.mark.parametrize(
    "member",
    ["3D/3dmodel.model", "Metadata/model_settings.config", "_rels/.rels"],
)
@pytest.mark.parametrize("content", ["<a><b></a>", "rubbish", "", "\ufeff<", "<a>" * 1000])
def test_what_is_only_nice_to_know_ends_where_it_is_broken(
    path: Path, member: str, content: str
) -> None:
    """A printer prints such a file; that its title cannot be read must not stop it."""
    assert read(path, {member: content}).plates[0].layers == 90


@pytest.mark.parametrize(
    "layout",
    [
        "[]",
        "{",
        "[" * 100_000,
        '{"bbox_all":[1],"bed_type":7}',
        '{"bbox_all":7}',
        '{"bbox_all":[9,9,9,9],"bed_type":"??"}',
    ],
    ids=range(6),
)
def test_a_layout_that_is_none_is_left_out(path: Path, layout: str) -> None:
    (plate,) = read(path, {"Metadata/plate_1.json": layout}).plates
    assert (plate.size_mm, plate.bed_type, plate.layers) == (None, "Cool Plate", 90)
    assert plate.heat == HeatFacts(nozzle_first_c=255, nozzle_c=250, bed_c=0)


DTD = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    "member",
    [
        "3D/3dmodel.model",
        "Metadata/model_settings.config",
        "Metadata/slice_info.config",
        "_rels/.rels",
    ],
)
def test_a_document_type_is_refused_wherever_it_stands(path: Path, member: str) -> None:
    with pytest.raises(BadFile, match=r"at byte \d+: it declares a document type") as refusal:
        read(path, {member: DTD})
    assert refusal.value.reason.startswith(f"it/{member}")
    with pytest.raises(BadFile, match="it is not UTF-8"):
        read(path, {member: "<x/>".encode("utf-16")})


def test_words_without_end_are_cut(path: Path) -> None:
    many = "<model>" + "".join(f"<metadata name='{n}'>x</metadata>" for n in range(300))
    many += f"<metadata name='Title'>{'t' * 50_000}</metadata><metadata/></model>"
    assert read(path, {"3D/3dmodel.model": many}).title is None
    long = f"<model><metadata name='Title'>{'t' * 50_000}</metadata></model>"
    assert read(path, {"3D/3dmodel.model": long}).title == "t" * 100
    long = long.replace("Title", "Description").replace("t" * 50_000, "\u202e d" * 30_000)
    assert len(read(path, {"3D/3dmodel.model": long}).description or "") <= 2000


def test_more_plates_and_pieces_than_a_person_could_mean_are_not_kept(path: Path) -> None:
    pieces = "".join(f'<object identify_id="{n}" name="n{n}"/>' for n in range(700))
    sliced = SLICED.replace('<object identify_id="71"/>', pieces)
    instances = "<model_instance/>" * 700
    plates = (
        "<config>"
        + "<plate/>" * 1100
        + PLATES.split("<config>")[1].replace('<metadata key="locked" value="true"/>', instances)
    )
    facts = read(
        path,
        {"Metadata/slice_info.config": sliced, "Metadata/model_settings.config": plates},
    )
    (plate,) = facts.plates
    assert (len(plate.pieces), plate.objects) == (500, 701)
    warnings = SLICED.replace("<warning level", '<warning msg="x"/>' * 100 + "<warning level")
    (plate,) = read(path, {"Metadata/slice_info.config": warnings}).plates
    assert len(plate.warnings) == 50


def test_the_recorded_project_has_two_drafts() -> None:
    if not FIXTURES.is_dir():
        pytest.skip("the recorded files are not on this machine")
    facts = read_facts(FIXTURES / "3mf/bambu_two_plates_project.3mf")
    assert facts.plates == ()
    assert [(one.number, one.pieces) for one in facts.drafts] == [
        (1, (PieceFacts(id="75", name="Cube"),)),
        (2, (PieceFacts(id="115", name="Sphere"),)),
    ]
    (plate,) = read_facts(FIXTURES / "3mf/bambu_a1mini_single_plate.gcode.3mf").plates
    assert (plate.layers, plate.size_mm) == (90, (18.0, 18.0, 18.0))
    assert isinstance(plate, PlateFacts)
