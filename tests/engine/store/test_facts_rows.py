"""What files say of themselves, as rows keep it: of today and of before estimates were kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from custom_components.printernizer.engine.file import (
    FilamentFacts,
    FileFacts,
    FileKind,
    HeatFacts,
    MeshFacts,
    PieceFacts,
    PlateFacts,
)
from custom_components.printernizer.engine.store.facts_codec import facts_of, facts_text

BEFORE = (
    '{"kind":"gcode","plates":[{"filaments":[{"colour":"#FF8000","index":0,"material":"PLA"}],'
    '"nozzles_mm":[0.4],"number":1}],"printer_model":"MK4S","slicer":"PrusaSlicer",'
    '"slicer_version":"2.8.1"}'
)


def test_a_row_of_before_estimates_is_read() -> None:
    """The owner updates while files lie on printers; the next start must still know them."""
    assert facts_of(BEFORE) == FileFacts(
        kind=FileKind.GCODE,
        slicer="PrusaSlicer",
        slicer_version="2.8.1",
        printer_model="MK4S",
        plates=(
            PlateFacts(
                nozzles_mm=(0.4,),
                filaments=(FilamentFacts(index=0, material="PLA", colour="#FF8000"),),
            ),
        ),
    )


def test_estimates_come_back() -> None:
    filament = FilamentFacts(
        index=2, material="PETG", used_mm=1234.5, used_g=3.7, diameter_mm=1.75, density_g_cm3=1.27
    )
    plate = PlateFacts(
        number=2,
        filaments=(filament,),
        print_time=timedelta(hours=7, minutes=10),
        mass_g=3.9,
        tower_g=0.2,
        objects=4,
    )
    facts = FileFacts(kind=FileKind.THREEMF, plates=(PlateFacts(), plate))
    assert facts_of(facts_text(facts)) == facts


def test_all_that_a_file_says_comes_back() -> None:
    """What is lost on the way is missing from the library for good."""
    plate = PlateFacts(
        name="Söckel",
        nozzles_mm=(0.4, 0.6),
        filaments=(FilamentFacts(index=0, name="My PETG", cost=Decimal("0.39")),),
        layer_height_mm=0.2,
        first_layer_height_mm=0.3,
        layers=90,
        height_mm=18.0,
        heat=HeatFacts(nozzle_first_c=220, bed_c=0),
        bed_type="Textured PEI Plate",
        pieces=(PieceFacts(id="69", name="Cube", skipped=True), PieceFacts(name="")),
        size_mm=(18.0, 18.0, 18.0),
        lowest_mm=(81.0, 81.0, 0.0),
        warnings=("bed_temperature_too_high_than_filament",),
    )
    facts = FileFacts(
        kind=FileKind.THREEMF,
        plates=(plate,),
        mesh=MeshFacts(triangles=12, size_mm=(1.0, 2.0, 3.0), watertight=True),
        drafts=(PlateFacts(number=2),),
        generated_at="2024-11-21T13:02:03Z",
        title="Cube",
        designer="A",
        description="B\nC",
    )
    assert facts_of(facts_text(facts)) == facts
    assert facts_text(FileFacts()) == "{}"


@pytest.mark.parametrize(
    ("masses", "total", "expected"),
    [
        ((190.0,), None, 190.0),
        ((1.0, 2.0), 5.0, 3.0),
        ((1.0, None), 5.0, 5.0),
        ((), 5.0, 5.0),
        ((None,), None, None),
    ],
)
def test_the_mass_of_a_plate_is_the_sum_of_its_filaments_or_the_total(
    masses: tuple[float | None, ...], total: float | None, expected: float | None
) -> None:
    filaments = tuple(FilamentFacts(index=index, used_g=mass) for index, mass in enumerate(masses))
    assert PlateFacts(filaments=filaments, mass_g=total).used_g == expected
