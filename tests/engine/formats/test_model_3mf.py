"""The geometry of 3MF files: what would be printed, where, in which colours, and no trap sprung."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.formats import mesh_text, model_3mf, model_part, painting
from custom_components.printernizer.engine.formats.surface import mesh_facts, open_mesh

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/files"
_3MF = "http://schemas.microsoft.com/3dmanufacturing/"
NAMESPACES = (
    f'xmlns="{_3MF}core/2015/02" xmlns:p="{_3MF}production/2015/06"'
    f' xmlns:m="{_3MF}material/2015/02"'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Target="{{}}" Id="r" Type="{_3MF}2013/01/3dmodel"/>'
    "</Relationships>"
)
VERTICES = """<vertices>
     <vertex x="0" y="0" z="0"/>
     <vertex x="10" y="0" z="0"/>
     <vertex x="0" y="10" z="0"/>
     <vertex x="0" y="0" z="10"/>
    </vertices>"""
TRIANGLES = """<triangles>
     <triangle v1="0" v2="2" v3="1"/>
     <triangle v1="0" v2="1" v3="3"/>
     <triangle v1="0" v2="3" v3="2"/>
     <triangle v1="1" v2="2" v3="3"/>
    </triangles>"""
MESH = f"<mesh>{VERTICES}{TRIANGLES}</mesh>"
TETRAHEDRON_MM3 = 1000 / 6


def model(resources: str, build: str, **said: str) -> str:
    attributes = "".join(f' {key}="{value}"' for key, value in said.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<model {NAMESPACES}{attributes}>'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    )


def thing(content: str = MESH, number: int = 1, **said: str) -> str:
    attributes = "".join(f' {key}="{value}"' for key, value in said.items())
    return f'<object id="{number}"{attributes}>{content}</object>'


def components(*said: str) -> str:
    return "<components>" + "".join(f"<component {one}/>" for one in said) + "</components>"


ITEM = '<item objectid="1"/>'
PLAIN = model(thing(), ITEM)


def package(root: str | bytes = PLAIN, *, target: str = "/3D/3dmodel.model", **parts: str) -> bytes:
    return archive(
        {
            "_rels/.rels": RELATIONS.format(target),
            target.removeprefix("/"): root,
            **{name.replace("__", "/"): content for name, content in parts.items()},
        }
    )


def archive(members: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return out.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it.3mf"


def facts(path: Path, content: bytes | str, plate: int | None = None):
    path.write_bytes(package(content) if isinstance(content, str) else content)
    return mesh_facts(open_mesh(path, plate=plate))


def colours(path: Path, content: bytes | str, plate: int | None = None) -> dict[str | None, int]:
    path.write_bytes(package(content) if isinstance(content, str) else content)
    found: dict[str | None, int] = {}
    for patch in open_mesh(path, plate=plate).patches():
        found[patch.colour] = found.get(patch.colour, 0) + len(patch.corners)
    return found


# -- core --------------------------------------------------------------------------------------


def test_a_model_measures_what_it_is(path: Path) -> None:
    measured = facts(path, PLAIN)
    assert measured.triangles == 4
    assert measured.size_mm == (10, 10, 10)
    assert measured.volume_mm3 == pytest.approx(TETRAHEDRON_MM3)
    assert measured.area_mm2 == pytest.approx(150 + 50 * 3**0.5)
    assert measured.watertight
    assert measured.parts == 1


@pytest.mark.parametrize(("unit", "mm"), model_part.UNITS_MM.items())
def test_units_are_those_of_the_file(path: Path, unit: str, mm: float) -> None:
    """An inch read as a millimetre is a part for a doll's house."""
    item = '<item objectid="1" transform="1 0 0 0 1 0 0 0 1 1 2 3"/>'
    measured = facts(path, model(thing(), item, unit=unit))
    assert measured.size_mm == pytest.approx([10 * mm] * 3, rel=1e-6)
    assert measured.lowest_mm == pytest.approx([mm, 2 * mm, 3 * mm], rel=1e-6)


def test_components_stand_where_all_transforms_put_them(path: Path) -> None:
    """Rows times matrix, the inner one first: the other way round is another place."""
    turned = "0 1 0 -1 0 0 0 0 1 0 0 0"
    moved = "1 0 0 0 1 0 0 0 1 100 0 0"
    resources = (
        thing()
        + thing(components(f'objectid="1" transform="{moved}"'), 2)
        + thing(components(f'objectid="2" transform="{turned}"', 'objectid="1"'), 3)
    )
    measured = facts(path, model(resources, f'<item objectid="3" transform="{moved}"/>'))
    assert measured.triangles == 8
    assert measured.parts == 1
    # The moved one was turned to y = 100 and up, then both went to x = 100.
    assert measured.lowest_mm == (90, 0, 0)
    assert measured.size_mm == (20, 110, 10)


def test_what_is_mirrored_keeps_its_outside_outside(path: Path) -> None:
    """Else a left-hand bracket is drawn from inside."""
    item = '<item objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/>'
    path.write_bytes(package(model(thing(), item)))
    (patch,) = open_mesh(path).patches()
    a, b, c = patch.corners.transpose(1, 0, 2).astype(float)
    assert (np.cross(b, c) * a).sum() / 6 == pytest.approx(TETRAHEDRON_MM3)


def test_only_what_is_built_counts(path: Path) -> None:
    """Support that the author drew, modifiers, and spare parts are not what a customer gets."""
    resources = (
        thing()
        + thing(number=2, type="support")
        + thing(number=3, type="other")
        + thing(number=4)
        + thing(components('objectid="2"', 'objectid="1"'), 5)
    )
    build = (
        '<item objectid="1"/><item objectid="2"/><item objectid="3"/>'
        '<item objectid="4" printable="0"/><item objectid="5"/>'
    )
    measured = facts(path, model(resources, build))
    assert measured.triangles == 8
    assert measured.parts == 2


@pytest.mark.parametrize(
    "target", ["/3D/3dmodel.model", "3D/other.model", "/3D/a%20b.model", "/odd/Place.Model"]
)
def test_the_root_is_where_the_package_says(path: Path, target: str) -> None:
    name = target.replace("%20", " ").removeprefix("/")
    members = {"_rels/.rels": RELATIONS.format(target), name: PLAIN, "3D/aa.model": "<nothing/>"}
    assert facts(path, archive(members)).triangles == 4


@pytest.mark.parametrize("relations", [None, RELATIONS.format("/3D/missing.model")])
def test_the_root_is_found_in_its_usual_place(path: Path, relations: str | None) -> None:
    members = {"3d/3DModel.model": PLAIN} | ({"_rels/.rels": relations} if relations else {})
    assert facts(path, archive(members)).triangles == 4


def test_parts_are_referred_to_by_their_names(path: Path) -> None:
    """Object 1 of a part is another one than object 1 of the root."""
    small = thing(MESH.replace('"10"', '"2"'))
    resources = small + thing(components('objectid="1" p:path="/3D/Objects/a.model"'), 2)
    root = model(resources, '<item objectid="2"/>', requiredextensions="p")
    other = model(thing(), '<item objectid="1"/><item objectid="1"/>', unit="centimeter")
    content = package(root, **{"3D__Objects__a.model": other})
    assert facts(path, content).size_mm == (100, 100, 100)


# -- colours -----------------------------------------------------------------------------------

GROUPS = (
    '<basematerials id="5"><base name="PLA" displaycolor="#ff0000"/>'
    '<base name="PETG" displaycolor="#00FF0080"/></basematerials>'
    '<m:colorgroup id="6"><m:color color="#0000FF"/><m:color color="blue"/></m:colorgroup>'
)


def test_triangles_have_their_own_colour_else_that_of_their_object(path: Path) -> None:
    painted = (
        MESH.replace('v3="1"/', 'v3="1" pid="6" p1="0" p2="0" p3="0"/')
        .replace('v3="3"/', 'v3="3" p1="1"/', 1)
        .replace('v3="2"/', 'v3="2" pid="6" p1="1"/')
    )
    content = model(GROUPS + thing(painted, pid="5", pindex="0"), ITEM)
    assert colours(path, content) == {"#0000FF": 1, "#00FF00": 1, "#FF0000": 1, None: 1}
    carefully = content.replace("<triangles>", "<triangles><!-- -->")
    assert colours(path, carefully) == colours(path, content)


def test_objects_without_a_colour_have_none(path: Path) -> None:
    assert colours(path, PLAIN) == {None: 4}
    assert colours(path, model(GROUPS + thing(pid="5", pindex="7"), ITEM)) == {None: 4}
    assert colours(path, model(GROUPS + thing(pid="9", pindex="0"), ITEM)) == {None: 4}


def test_a_scan_with_thousands_of_colours_has_some_hundred(path: Path) -> None:
    """Every one of them costs a pass over the picture."""
    group = "".join(f'<m:color color="#{number:06X}"/>' for number in range(0, 1 << 24, 4099))
    triangles = "".join(
        f'<triangle v1="0" v2="2" v3="1" pid="6" p1="{number}"/>' for number in range(4093)
    )
    content = model(
        f'<m:colorgroup id="6">{group}</m:colorgroup>'
        + thing(f"<mesh>{VERTICES}<triangles>{triangles}</triangles></mesh>"),
        ITEM,
    )
    found = colours(path, content)
    assert sum(found.values()) == 4093
    assert 200 < len(found) < 480


# -- slicers -----------------------------------------------------------------------------------


def bambu(plates: str, things: str = "", settings: str = "", root: str = "") -> bytes:
    resources = (root or thing()) + "".join(
        thing(components(f'objectid="{number}" p:path="/3D/Objects/a.model"'), number + 10)
        for number in (1, 2)
    )
    build = "".join(
        f'<item objectid="{number}" transform="1 0 0 0 1 0 0 0 1 {x} {y} 0"/>'
        for number, x, y in [(1, 5, 5), (11, 10, 20), (12, 252, 20), (11, 250, 30), (11, 20, -200)]
    )
    return package(
        model(resources, build),
        **{
            "3D__Objects__a.model": model(thing() + thing(number=2, pid="5"), ""),
            "Metadata__model_settings.config": f"<config>{things}{plates}</config>",
            "Metadata__project_settings.config": settings
            or '{"filament_colour": ["#00ae42", "#FFFFFFFF", 7],'
            ' "printable_area": ["0x0", "200x0", "200x200", "0x200"]}',
        },
    )


def plate(number: int, *placed: tuple[int, int]) -> str:
    instances = "".join(
        f'<model_instance><metadata key="object_id" value="{thing}"/>'
        f'<metadata key="instance_id" value="{copy}"/></model_instance>'
        for thing, copy in placed
    )
    return f'<plate><metadata key="plater_id" value="{number}"/>{instances}</plate>'


PLATES = plate(1, (11, 0)) + plate(2, (12, 0), (11, 1)) + plate(3, (11, 2)) + plate(4)
THINGS = """<object id="12"><metadata key="extruder" value="2"/><metadata face_count="12"/>
<part id="2" subtype="normal_part"><metadata key="extruder" value="0"/></part></object>"""


@pytest.mark.parametrize(
    ("number", "parts", "lowest"),
    [(None, 1, (10, 20, 0)), (1, 1, (10, 20, 0)), (2, 2, (10, 20, 0)), (3, 1, (20, 40, 0))],
)
def test_plates_of_a_project_are_taken_one_by_one(
    path: Path, number: int | None, parts: int, lowest: tuple[float, ...]
) -> None:
    """A slicer lays all of them out on one large table, 1.2 widths of the bed apart."""
    measured = facts(path, bambu(PLATES), number)
    assert measured.parts == parts
    assert measured.lowest_mm == pytest.approx(lowest)


@pytest.mark.parametrize(
    ("number", "message"),
    [(4, "it has no triangles"), (5, "plate 5 is not in it, but 1, 2, 3, 4"), (0, "plate 0")],
)
def test_a_plate_that_is_empty_or_missing_is_named(path: Path, number: int, message: str) -> None:
    with pytest.raises(BadFile, match=message):
        facts(path, bambu(PLATES), number)


def test_a_model_without_plates_has_one(path: Path) -> None:
    assert facts(path, PLAIN, 1).triangles == 4
    with pytest.raises(BadFile, match="plate 2 is not in it, but no plates at all"):
        facts(path, PLAIN, 2)


def test_pieces_have_the_colour_of_their_filament(path: Path) -> None:
    """The picture shows what will come out of the printer, not grey."""
    assert colours(path, bambu(PLATES, THINGS), 2) == {"#FFFFFF": 4, None: 4}
    assert colours(path, bambu(PLATES, THINGS + '<object id="11"/>'), 1) == {"#00AE42": 4}
    piece = THINGS.replace('value="0"', 'value="1"')
    assert colours(path, bambu(PLATES, piece), 2) == {"#00AE42": 4, None: 4}
    assert colours(path, bambu(PLATES, THINGS, "{}"), 2) == {None: 8}
    assert colours(path, bambu(PLATES, THINGS.replace('"2"/>', '"9"/>')), 2) == {None: 8}


@pytest.mark.parametrize("kind", ["negative_part", "modifier_part", "support_blocker"])
def test_pieces_that_are_no_plastic_are_left_out(path: Path, kind: str) -> None:
    content = bambu(PLATES, THINGS.replace("normal_part", kind))
    assert facts(path, content, 2).triangles == 4


def prusa(volumes: str) -> bytes:
    return package(
        PLAIN,
        **{
            "Metadata__Slic3r_PE_model.config": '<config><object id="1" instances_count="1">'
            f'<metadata type="object" key="extruder" value="1"/>{volumes}</object></config>',
            "Metadata__Slic3r_PE.config": "; extruder_colour = ;#0000FF\n"
            "; filament_colour = #FF8000;#00FF00\n",
        },
    )


def volume(first: int, last: int, kind: str, extruder: int = 0) -> str:
    return (
        f'<volume firstid="{first}" lastid="{last}">'
        f'<metadata type="volume" key="volume_type" value="{kind}"/>'
        f'<metadata type="volume" key="extruder" value="{extruder}"/></volume>'
    )


def test_prusaslicer_tells_pieces_by_their_triangles(path: Path) -> None:
    whole = volume(0, 3, "ModelPart")
    assert colours(path, prusa(whole)) == {"#FF8000": 4}
    two = volume(0, 1, "ModelPart") + volume(2, 3, "ModelPart", 2)
    assert colours(path, prusa(two)) == {"#FF8000": 2, "#0000FF": 2}
    less = volume(0, 2, "ModelPart") + volume(3, 99, "SupportBlocker")
    assert colours(path, prusa(less)) == {"#FF8000": 3}


PAINTED = {
    "": 0,
    "4": 1,
    "8": 2,
    "0C": 3,
    "1c": 4,
    "C": 3,
    "841": 1,  # cut in two: 1, 2
    "04883": 2,  # cut in four: 2, 2, 1, none
    "0481C3": 4,  # the first of four is 4, and the others are fewer
    "3" * 5000: 0,
    "xyz": 0,
    "٣": 0,
}


@pytest.mark.parametrize("code", PAINTED, ids=lambda code: code[:9])
def test_painted_triangles_have_the_filament_that_most_of_them_is(code: str) -> None:
    assert painting.filament(code) == PAINTED[code]


@pytest.mark.parametrize("way", ["fast", "careful"])
def test_paint_goes_before_the_filament_of_the_object(path: Path, way: str) -> None:
    """What was painted in the slicer is what people recognise their model by."""
    painted = thing(
        MESH.replace('v3="1"/', 'v3="1" paint_supports="8" paint_color="8"/')
        .replace('v3="3"/', 'v3="3" paint_color="FC"/', 1)
        .replace("<triangles>", "<triangles>" if way == "fast" else "<triangles><!-- -->")
    )
    content = bambu(plate(1, (1, 0)), '<object id="1"/>', root=painted)
    assert colours(path, content) == {"#00AE42": 3, "#FFFFFF": 1}


# -- written in other ways ---------------------------------------------------------------------

ODD = {
    "other quotes": lambda text: text.replace('"', "'"),
    "spaces in elements": lambda text: text.replace("/>", " />"),
    "lines between attributes": lambda text: text.replace(' y="', '\n y="'),
    "two spaces": lambda text: text.replace(" v2=", "  v2="),
    "another order": lambda text: text.replace('x="10" y="0" z="0"', 'z="0" x="10" y="0"').replace(
        'v1="0" v2="2"', 'v2="2" v1="0"'
    ),
    "ends of their own": lambda text: text.replace('z="0"/>', 'z="0"></vertex>').replace(
        'v3="1"/>', 'v3="1"></triangle>'
    ),
    "a comment among vertices": lambda text: text.replace(
        "<vertices>", '<vertices><!-- <vertex x="1" y="2" z="3"/> </vertices> -->'
    ),
    "a comment among triangles": lambda text: text.replace(
        "<triangles>", '<triangles><!-- <triangle v1="0" v2="1" v3="2"/> </triangles> -->'
    ),
    "a comment that is a mesh": lambda text: text.replace("<mesh>", f"<!--{MESH}--><mesh>"),
    "a prefix": lambda text: (
        text.replace("<", "<c:")
        .replace("<c:/", "</c:")
        .replace("<c:?", "<?")
        .replace("xmlns=", "xmlns:c=")
    ),
    "no namespace": lambda text: text.replace(f'xmlns="{_3MF}core/2015/02"', ""),
    "entities of numbers": lambda text: text.replace('x="10"', 'x="&#49;0"'),
    "spaces in numbers": lambda text: text.replace('"10"', '" 10 "').replace('v1="1"', 'v1="1 "'),
    "exponents": lambda text: text.replace('"10"', '"1.0e+01"').replace('"0" y', '"0E0" y'),
    "elements of others": lambda text: text.replace(
        "</vertices>", "</vertices><m:other><m:vertex/></m:other>"
    ).replace("<triangles>", "<triangles><m:triangle/>"),
    "paint": lambda text: text.replace('v3="3"/>', 'v3="3" paint_color="4C"/>', 1),
    "other attributes with numbers": lambda text: text.replace(
        'v3="3"/>', 'v3="3" grupid="77" xp1="3"/>', 1
    ),
    "a mark of its order": lambda text: "\ufeff" + text,
    "lines of another kind": lambda text: text.replace("\n", "\r\n"),
    "all in one line": lambda text: text.replace("\n", "").replace("> ", ">"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("block", [7, 100, 1 << 20])
def test_however_it_is_written_it_is_the_same(
    path: Path, name: str, block: int, monkeypatch
) -> None:
    """Two programs, two habits, one model; and it must not matter where a block ends."""
    monkeypatch.setattr(model_3mf, "_BLOCK_BYTES", block)
    measured = facts(path, ODD[name](PLAIN))
    assert measured == facts(path, PLAIN)
    assert measured.triangles == 4


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_fast_and_careful_agree(data: st.DataObject) -> None:
    """One of them is used for nearly all files, and the other one is believed."""
    number = st.one_of(
        st.floats(-1e6, 1e6).map(repr),
        st.floats(-1e6, 1e6).map("{:.6f}".format),
        st.floats(-1e6, 1e6).map("{:e}".format),
        st.integers(-(10**9), 10**9).map(str),
        st.sampled_from(["nan", "-0", "+.5", "5.", "1e-400", ".", "", "1e5", "0x1", "٣"]),
    )
    index = st.one_of(st.integers(0, 9).map(str), st.sampled_from(["", "-1", "007", "1.0"]))
    rows = data.draw(st.lists(st.tuples(number, number, number), max_size=8))
    faces = data.draw(st.lists(st.tuples(index, index, index), max_size=8))
    vertices = "\n".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in rows)
    triangles = "\n".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in faces)

    def read(comment: str) -> object:
        text = model(
            thing(
                f"<mesh><vertices>{comment}{vertices}</vertices>"
                f"<triangles>{triangles}</triangles></mesh>"
            ),
            ITEM,
        )
        try:
            part = model_part.read_part([text.encode()], "it", model_part.Paint())
        except BadFile as err:
            return err.reason.partition(": ")[2]
        shape = part.shapes["1"]
        return shape.vertices.tolist().__repr__(), shape.triangles.tolist()

    assert read("") == read("<!-- -->")


def test_the_usual_text_is_read_fast() -> None:
    """The careful way takes five times as long."""
    assert mesh_text.vertices(VERTICES[10:-11].strip().encode()).shape == (4, 3)
    assert len(mesh_text.triangles(TRIANGLES[11:-12].strip().encode()).corners) == 4


TRIANGLE = '<triangle v1="0" v2="2" v3="1" pid="6" p1="0"/>'


@pytest.mark.parametrize(
    "text",
    [
        TRIANGLE.replace('"6"', '"&six;"'),
        TRIANGLE.replace('"6"', "'6'"),
        TRIANGLE.replace(" pid", ' xmlns="else" pid'),
        TRIANGLE.replace("/>", "/"),
        TRIANGLE.replace('"6"', '"6'),
        TRIANGLE.replace("<", ">").replace("/>", "/<"),
        TRIANGLE.replace("/>", ">"),
        TRIANGLE.replace("<triangle ", "<rectangle "),
        TRIANGLE.replace("<triangle ", "<triangles "),
        TRIANGLE + ' "" ' + TRIANGLE,
        TRIANGLE.replace("v3", "v2"),
        TRIANGLE.replace('"6"', '"six"'),
        TRIANGLE.replace('p1="0"', 'p1="-1"'),
        TRIANGLE.replace('v1="0"', 'v1="0.5"'),
        "text",
    ],
)
def test_what_is_not_quite_usual_is_left_to_the_careful_reader(text: str) -> None:
    """A guess about triangles would be a hole in somebody's model."""
    assert mesh_text.triangles(TRIANGLE.encode()) is not None
    assert not (found := mesh_text.triangles(text.encode())) or not len(found.corners)


CORNERS = '<triangle v1="0" v2="2" v3="1"/>'


@pytest.mark.parametrize(
    "text",
    [
        CORNERS.replace('"2"', '""'),
        CORNERS.replace('"2"', '"123456789"'),
        CORNERS.replace('"2"', '"2:"'),
        CORNERS.replace('"2"', '"\u00b2"'),
        CORNERS.replace(" v2", "<v2"),
        CORNERS.replace("/>", "<>"),
        CORNERS.replace('" v2', '"v2'),
        CORNERS.replace("/>", "/ >"),
        CORNERS.replace("<", "<<"),
        CORNERS.replace("triangle", "triangl3"),
        CORNERS.replace("v1", "v4"),
        CORNERS + "<triangle",
        CORNERS + "&more;" + CORNERS,
        CORNERS + "\0" + CORNERS,
        "<" * 40,
    ],
)
def test_corners_alone_are_read_to_the_last_letter(text: str) -> None:
    """They are read by leaps from number to number, and nothing may be leapt over."""
    assert mesh_text.triangles((CORNERS * 2).encode()).corners.tolist() == [[0, 2, 1]] * 2
    assert mesh_text.triangles(text.encode()) is None


@pytest.mark.parametrize("between", ["&more;", "\0"])
def test_no_entity_hides_between_vertices(between: str) -> None:
    """The careful reader refuses the whole file for it."""
    vertex = '<vertex x="0" y="1" z="2"/>'
    assert mesh_text.vertices((vertex + vertex).encode()) is not None
    assert mesh_text.vertices((vertex + between + vertex).encode()) is None


def test_names_that_end_alike_are_no_paint() -> None:
    text = TRIANGLE.replace("pid", 'my_color="8" pid').encode()
    assert mesh_text.triangles(text).filaments is None
    text = TRIANGLE.replace("pid", 'slic3rpe:mmu_segmentation="8" pid').encode()
    assert mesh_text.triangles(text).filaments.tolist() == [2]


# -- traps -------------------------------------------------------------------------------------


def doubled() -> bytes:
    out = io.BytesIO(PLAIN_PACKAGE)
    with zipfile.ZipFile(out, "a") as written, pytest.warns(UserWarning, match="Duplicate"):
        written.writestr("3D/3dmodel.model", PLAIN)
    return out.getvalue()


def nested(depth: int, width: int) -> str:
    resources = thing() + "".join(
        thing(components(*[f'objectid="{number - 1}"'] * width), number)
        for number in range(2, depth + 2)
    )
    return model(resources, f'<item objectid="{depth + 1}"/>')


PLAIN_PACKAGE = package()
DTD = '<!DOCTYPE model [<!ENTITY a "aaaa">]>'
TRAPS = {
    "no archive": (b"PK\x03\x04 or so", "its archive is broken"),
    "cut off": (PLAIN_PACKAGE[:-40], "its archive is broken"),
    "damaged": (
        PLAIN_PACKAGE.replace(PLAIN_PACKAGE[300:310], b"0123456789"),
        "it is broken|archive is broken",
    ),
    "a name twice": (doubled, "a name occurs twice"),
    "no model": (archive({"a": "b"}), "it has no 3D model"),
    "another document": ("<html/>", "it is no 3MF model, but 'html'"),
    "not text": ("\x00\x01", "it is not UTF-8"),
    "another encoding": (PLAIN.encode("utf-16"), "it is not UTF-8"),
    "cut text": (PLAIN[:-30], "at byte"),
    "a document type": (PLAIN.replace("<model", f"{DTD}<model"), "declares a document type"),
    "an entity": (PLAIN.replace("<resources>", "&a;<resources>"), "undefined entity"),
    "depth": (
        model("<a>" * 70 + "</a>" * 70, ITEM),
        "its elements are deeper than 64",
    ),
    "an element without an end": (
        lambda: package(PLAIN.replace("<mesh>", f'<mesh a="{"a" * (17 << 20)}">')),
        "has no end|inflates beyond",
    ),
    "a unit": (model(thing(), ITEM, unit="league"), "its unit is 'league'"),
    "an extension": (
        PLAIN.replace("<model ", '<model xmlns:b="x" requiredextensions="b" '),
        "it requires an extension that is not read: 'b'",
    ),
    "an object twice": (model(thing() * 2, ITEM), "object '1' occurs twice"),
    "an object that is missing": (model(thing(number=2), ITEM), "object '1' is not in it"),
    "an index beyond": (PLAIN.replace('v3="3"', 'v3="4"'), "names a vertex that is not there"),
    "an index below": (PLAIN.replace('v3="3"', 'v3="-1"'), "names a vertex that is not there"),
    "an index missing": (PLAIN.replace('v3="3"', ""), "names a vertex that is not there"),
    "an index of many digits": (PLAIN.replace('v3="3"', f'v3="{10**30}"'), "names a vertex"),
    "a transform that is nowhere": (
        model(thing(), '<item objectid="1" transform="nan 0 0 0 1 0 0 0 1 0 0 inf"/>'),
        "a transform is not twelve finite numbers",
    ),
    "a short transform": (
        model(thing(), '<item objectid="1" transform="1 0 0"/>'),
        "a transform is not twelve finite numbers",
    ),
    "vertices that are nowhere": (
        PLAIN.replace('"10"', '"nan"'),
        "it has 4 triangles, all of them nowhere",
    ),
    "a transform to nowhere": (
        model(thing(), '<item objectid="1" transform="1e300 0 0 0 1 0 0 0 1 0 0 1e300"/>'),
        "4 triangles, all of them nowhere",
    ),
    "itself": (model(thing(components('objectid="1"')), ITEM), "object '1' is made of itself"),
    "a circle": (
        model(thing(components('objectid="2"')) + thing(components('objectid="1"'), 2), ITEM),
        "object '1' is made of itself",
    ),
    "depth of components": (nested(17, 1), "components are deeper than 16"),
    "copies of copies": (nested(8, 10), "built of more than 100000 pieces"),
    "a part outside": (
        model(thing(components('objectid="1" p:path="/../../a.model"')), ITEM),
        "it refers to a part outside: '/../../a.model'",
    ),
    "a part on a drive": (
        model("", '<item objectid="1" p:path="C:/a.model"/>'),
        "a part outside",
    ),
    "a part behind a backslash": (
        model("", '<item objectid="1" p:path="/3D\\..\\a.model"/>'),
        "a part outside",
    ),
    "a part behind an escape": (
        model("", '<item objectid="1" p:path="/%2e%2e/a.model"/>'),
        "a part outside",
    ),
    "a part that is missing": (
        model("", '<item objectid="1" p:path="/3D/a.model"/>'),
        "a part is not in it: '/3D/a.model'",
    ),
    "a part of a part": (
        package(
            model("", '<item objectid="1" p:path="/3D/a.model"/>'),
            **{
                "3D__a.model": model(
                    thing(components('objectid="1" p:path="/3D/3dmodel.model"')), ""
                )
            },
        ),
        "it refers to yet another part",
    ),
    "nothing to build": (model(thing(), ""), "it has no triangles"),
    "relations with a document type": (
        archive({"_rels/.rels": "<!DOCTYPE x><Relationships/>", "3D/3dmodel.model": PLAIN}),
        "_rels/.rels at byte",
    ),
    "broken settings": (bambu(PLATES, THINGS, "[[[["), "it is not JSON"),
    "endless plates": (bambu(plate(1) * 1001), "it has too many plates"),
    "endless copies": (bambu(plate(1, *[(11, 0)] * 20_001)), "it has too many objects"),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_named_and_not_sprung(path: Path, name: str) -> None:
    """Anybody may upload anything."""
    content, message = TRAPS[name]
    content = content() if callable(content) else content
    with pytest.raises(BadFile, match=message) as refusal:
        facts(path, package(content) if name == "another encoding" else content)
    assert refusal.value.reason.startswith("it.3mf")


def test_broken_relations_hide_no_model_in_its_usual_place(path: Path) -> None:
    """Facts and geometry look for it alike."""
    content = archive({"_rels/.rels": "<Relationships", "3d/3DMODEL.model": PLAIN})
    assert facts(path, content).triangles == facts(path, package()).triangles


def test_parts_may_not_inflate_without_end(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(model_3mf, "_LARGEST", 1 << 20)
    bomb = PLAIN.replace("<resources>", "<resources>" + " " * (2 << 20))
    with pytest.raises(BadFile, match="inflate"):
        facts(path, bomb)
    half = "<a/>" + " " * (600 << 10)
    root = model(thing(components('objectid="1" p:path="/3D/a.model"')) + half, ITEM)
    content = package(root, **{"3D__a.model": model(thing() + half, "")})
    with pytest.raises(BadFile, match="its parts inflate beyond 1048576 bytes"):
        facts(path, content)


@pytest.mark.parametrize(
    ("module", "limit", "message"),
    [
        (model_part, "_MOST_OBJECTS", "it has too many objects"),
        (model_3mf, "_MOST_PARTS", "it is made of too many parts"),
    ],
)
def test_numbers_of_things_are_bounded(
    path: Path, monkeypatch, module: object, limit: str, message: str
) -> None:
    monkeypatch.setattr(module, limit, 1)
    root = model(thing() + thing(number=2), '<item objectid="1" p:path="/3D/a.model"/>')
    with pytest.raises(BadFile, match=message):
        facts(
            path,
            package(
                root.replace(thing(number=2), "") if limit == "_MOST_PARTS" else root,
                **{"3D__a.model": PLAIN},
            ),
        )
    monkeypatch.setattr(model_part, "_MOST_OBJECTS", 1)
    with pytest.raises(BadFile, match="it has too many items"):
        facts(path, model(thing(), ITEM * 2))


def test_copies_are_counted_before_they_are_drawn(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(model_3mf, "_MOST_TRIANGLES", 7)
    with pytest.raises(BadFile, match="its copies have more triangles"):
        facts(path, model(thing(), ITEM * 2))


def test_triangles_with_a_corner_that_is_nowhere_are_left_out(path: Path) -> None:
    measured = facts(path, PLAIN.replace('z="10"', 'z="INF"'))
    assert (measured.triangles, measured.dropped) == (1, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("component_cycle", "object '1' is made of itself"),
        ("entity_expansion", "declares a document type or entities"),
        ("nan_transform", "a transform is not twelve finite numbers"),
        ("production_path_outside", "a part outside"),
        ("truncated_70pct", "its archive is broken"),
        ("declared_size_lie", None),
        ("path_traversal", None),
        ("zip_bomb_64MiB", None),
    ],
)
def test_recorded_hostile_files_have_their_message(name: str, message: str | None) -> None:
    """A bomb in a picture that nobody asked for does not go off."""
    recorded = FIXTURES / f"hostile/{name}.3mf"
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    if message is None:
        assert mesh_facts(open_mesh(recorded)).triangles == 4
        return
    with pytest.raises(BadFile, match=message):
        mesh_facts(open_mesh(recorded))


RECORDED = {
    "3mfc_box": (12, (10, 20, 30), 6000),
    "3mfc_box_prod": (12, (10, 20, 30), 6000),
    "3mfc_multiple_cylinders": (528, (62, 40.5928, 20), 37188.6),
    "3mfc_pyramid_vertexcolor": (4, (10, 10, 10), 333.333),
    "3mfc_torus": (2200, (24, 23.9526, 3.95929), 776.831),
    "unit_inch": (4, (508, 508, 508), 508**3 / 6),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_models_measure_what_they_are(name: str) -> None:
    recorded = FIXTURES / f"3mf/{name}.3mf"
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    triangles, size, volume = RECORDED[name]
    measured = mesh_facts(open_mesh(recorded))
    assert measured.triangles == triangles
    assert measured.size_mm == pytest.approx(size, rel=1e-4)
    assert measured.volume_mm3 == pytest.approx(volume, rel=1e-4)


@pytest.mark.parametrize(("number", "triangles"), [(1, 12), (2, 1224)])
def test_both_plates_of_a_recorded_project_stand_in_the_middle(number: int, triangles: int) -> None:
    recorded = FIXTURES / "3mf/bambu_two_plates_project.3mf"
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    opened = open_mesh(recorded, plate=number)
    measured = mesh_facts(opened)
    assert measured.triangles == triangles
    assert measured.lowest_mm == pytest.approx((115.2, 115.2, 0), abs=1e-3)
    assert {patch.colour for patch in opened.patches()} == {"#00AE42"}


@pytest.mark.parametrize(
    "name", sorted(path.name for path in (FIXTURES / "3mf/verify").glob("*.3mf"))
)
def test_the_conformance_files_are_read_or_named(name: str) -> None:
    """What must pass passes; what must fail may, and does not crash."""
    recorded = FIXTURES / "3mf/verify" / name
    try:
        triangles = mesh_facts(open_mesh(recorded)).triangles
    except BadFile:
        triangles = 0
    assert triangles or "MUSTFAIL" in name
