"""What slicers expect a print to take, each in its own words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from custom_components.printernizer.engine.file import FilamentFacts, PlateFacts
from custom_components.printernizer.engine.formats import estimates
from custom_components.printernizer.engine.formats.facts import read_facts
from tests.engine.formats.test_extrusion import boxed
from tests.engine.formats.test_facts import archive

HEADS = {
    "PrusaSlicer": (
        (
            "; filament used [mm] = 0.00, 4068.92\n; filament used [g] = 0.00, 12.14\n"
            "; total filament used [g] = 12.14\n; total filament used for wipe tower [g] = 1.50\n"
            "; estimated printing time (normal mode) = 1d 2h 3m 4s\n"
            "; estimated printing time (silent mode) = 9d\n"
            "; filament_type = PLA;PETG\n; filament_diameter = 1.75,2.85\n"
            '; filament_density = 1.24,1.27\n; objects_info = {"objects":[{"name":"a"},{}]}\n'
        ),
        PlateFacts(
            filaments=(
                FilamentFacts(
                    index=1,
                    material="PETG",
                    used_mm=4068.92,
                    used_g=12.14,
                    diameter_mm=2.85,
                    density_g_cm3=1.27,
                ),
            ),
            print_time=timedelta(days=1, hours=2, minutes=3, seconds=4),
            mass_g=12.14,
            tower_g=1.5,
            objects=2,
        ),
    ),
    "no density": (
        (
            "; filament used [mm] = 100\n; filament used [g] = 0.00\n"
            "; total filament used [g] = 0.00\n"
            "; filament_type = PLA\n; filament_density = 0\n; objects_info = []\n"
            "; total filament used for wipe tower [g] = 0.00\n"
        ),
        PlateFacts(filaments=(FilamentFacts(index=0, material="PLA", used_mm=100),)),
    ),
    "an old PrusaSlicer lists used tools only": (
        "; filament used [mm] = 100\n; filament_type = PLA;PETG\n; filament used [g] = x\n",
        PlateFacts(),
    ),
    "Bambu Studio": (
        (
            "; HEADER_BLOCK_START\n; model printing time: 11m 15s; total estimated time: 18m 15s\n"
            "; total filament length [mm] : 900.5,32.5\n; total filament weight [g] : 2.75,0.25\n"
            "; filament_density: 1.24,1.25,1.26\n; filament_diameter: 1.75,1.75,1.75\n"
            "; filament: 1,3\n"
            "; filament_type = PLA;PETG;ABS\n"
        ),
        PlateFacts(
            filaments=(
                FilamentFacts(
                    index=0,
                    material="PLA",
                    used_mm=900.5,
                    used_g=2.75,
                    diameter_mm=1.75,
                    density_g_cm3=1.24,
                ),
                FilamentFacts(
                    index=2,
                    material="ABS",
                    used_mm=32.5,
                    used_g=0.25,
                    diameter_mm=1.75,
                    density_g_cm3=1.26,
                ),
            ),
            print_time=timedelta(minutes=18, seconds=15),
            mass_g=3.0,
        ),
    ),
    "Cura": (
        (
            ";FLAVOR:Marlin\n;TIME:1010\n;Filament used: 0.49988m, 1.2m\n"
            ";Filament weight = [1.5,3.6]\n"
            ";TIME_ELAPSED:7\n"
        ),
        PlateFacts(
            filaments=(
                FilamentFacts(index=0, used_mm=499.88, used_g=1.5),
                FilamentFacts(index=1, used_mm=1200, used_g=3.6),
            ),
            print_time=timedelta(seconds=1010),
            mass_g=5.1,
        ),
    ),
    "a Cura that does not know yet": (
        ";FLAVOR:Marlin\n;TIME:6666\n;Filament used: 0m\n",
        PlateFacts(),
    ),
    "Simplify3D 4": (
        (
            ";   printMaterial,ABS\n;   Build time: 1 hours 31 minutes\n"
            ";   Filament length: 4375.5 mm (4.38 m)\n;   Plastic weight: 13.16 g (0.03 lb)\n"
        ),
        PlateFacts(
            filaments=(FilamentFacts(index=0, material="ABS", used_mm=4375.5, used_g=13.16),),
            print_time=timedelta(hours=1, minutes=31),
            mass_g=13.16,
        ),
    ),
    "Simplify3D 5": (
        "; Build Time: 0 hours 5 minutes\n; Material Length: 7.5 mm\n; Material Weight: 2 g\n",
        PlateFacts(
            filaments=(FilamentFacts(index=0, used_mm=7.5, used_g=2),),
            print_time=timedelta(minutes=5),
            mass_g=2,
        ),
    ),
    "ideaMaker": (
        (
            ";Sliced by ideaMaker 5.4.2.8790\n;Print Time: 3941\n;Material#1 Used: 812.4\n"
            ";Material#2 Used: 10\n;Filament Diameter #1: 1.75\n;Filament Diameter #2: 1.75\n"
            ";Filament Density #1: 1.24\n;Filament Density #2: 1250\n"
        ),
        PlateFacts(
            filaments=(
                FilamentFacts(index=0, used_mm=812.4, diameter_mm=1.75, density_g_cm3=1.24),
                FilamentFacts(index=1, used_mm=10, diameter_mm=1.75),
            ),
            print_time=timedelta(seconds=3941),
        ),
    ),
    "KISSlicer": (
        "; KISSlicer - PRO\n; Calculated Build Time: 42.5 minutes\n; Ext #1 = 812.40 mm\n",
        PlateFacts(
            filaments=(FilamentFacts(index=0, used_mm=812.4),),
            print_time=timedelta(minutes=42, seconds=30),
        ),
    ),
    "Slic3r": (
        "; filament used = 1234.5mm (2.97cm3)\n; filament_type = PLA\n",
        PlateFacts(filaments=(FilamentFacts(index=0, material="PLA", used_mm=1234.5),)),
    ),
}


@pytest.mark.parametrize("slicer", HEADS)
def test_each_slicers_estimate_is_read(tmp_path: Path, slicer: str) -> None:
    """What a quote is reckoned from before anything is printed."""
    head, expected = HEADS[slicer]
    path = tmp_path / "it"
    path.write_text(f"; it\nG28\n{head}")
    plate = read_facts(path).plate()
    assert plate is not None
    assert plate.print_time == expected.print_time
    assert plate.mass_g == (pytest.approx(expected.mass_g) if expected.mass_g else None)
    assert (plate.filaments, plate.tower_g, plate.objects) == (
        expected.filaments,
        expected.tower_g,
        expected.objects,
    )


def test_the_plate_that_is_printed_is_the_plate_that_is_charged(tmp_path: Path) -> None:
    """Vector 3: plates of 190 g and 83 g, plate 1 printed."""
    path = tmp_path / "it"
    path.write_bytes(boxed())
    facts = read_facts(path)
    first, second = facts.plate(1), facts.plate(2)
    assert first is not None
    assert second is not None
    assert (first.used_g, second.used_g) == (190, 83)
    assert (first.print_time, first.objects) == (timedelta(minutes=1), 1)
    assert (second.print_time, second.objects) == (None, None)


def test_a_project_tells_density_and_diameter(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(
        archive(
            {
                "Metadata/plate_1.gcode": "G28\n",
                "Metadata/slice_info.config": '<config><plate><metadata key="index" value="1"/>'
                '<metadata key="weight" value="0.00"/><filament id="2" used_m="x" used_g="0.00"/>'
                "</plate></config>",
                "Metadata/project_settings.config": '{"filament_density":["1.24","1.27"],'
                '"filament_diameter":["1.75","2.85"],"filament_colour":["#FFFFFF"]}',
            }
        )
    )
    plate = read_facts(path).plate(1)
    assert plate is not None
    assert plate.filaments == (FilamentFacts(index=1, diameter_mm=2.85, density_g_cm3=1.27),)
    assert (plate.mass_g, plate.used_g) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1d 2h 3m 4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("59s", timedelta(seconds=59)),
        ("0 hours 31 minutes", timedelta(minutes=31)),
        ("0s", None),
        ("99999999d", None),
        ("soon", None),
        ("", None),
    ],
)
def test_spans_are_read_or_unknown(text: str, expected: timedelta | None) -> None:
    assert estimates.duration(text) == expected


@pytest.mark.parametrize("value", ["1," * 65, "", "  ", "nan", "inf", "-1", "x"])
def test_lists_of_nothing_useful_are_nothing(value: str) -> None:
    assert {one for one in estimates.numbers(value, (0, 10)) if one is not None} <= {1.0}
    assert estimates.mass({"filament used [g]": value}) is None
