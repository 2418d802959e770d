"""A file suits a printer, or not, or nobody can tell."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.drivers.bambu.models import ALIASES, MODELS as BAMBU
from custom_components.printernizer.engine.drivers.prusalink.models import MODELS as PRUSA
from custom_components.printernizer.engine.errors import KEYS
from custom_components.printernizer.engine.file import (
    NO_FACTS,
    FilamentFacts,
    FileFacts,
    FileKind,
    PlateFacts,
)
from custom_components.printernizer.engine.fit import (
    FAMILIES,
    MODELS,
    Objection,
    family_of,
    mismatches,
    model_of,
)
from custom_components.printernizer.engine.printer import (
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
    Slot,
    Tool,
)


def identity(model: str | None) -> PrinterIdentity:
    return PrinterIdentity(serial="S", maker="M", model=model)


def status(
    *nozzles: float | None,
    loaded: str | None = None,
    slots: tuple[str | None, ...] = (),
) -> PrinterStatus:
    return PrinterStatus(
        state=PrinterState.IDLE,
        tools=tuple(
            Tool(index=index, nozzle_diameter_mm=size, material=loaded)
            for index, size in enumerate(nozzles)
        ),
        slots=tuple(
            Slot(key=f"0_{index}", unit="0", index=index, material=material, empty=material is None)
            for index, material in enumerate(slots)
        ),
    )


def file(
    model: str | None = None, *, nozzles: tuple[float, ...] = (), **materials: str
) -> FileFacts:
    """A file of one plate; materials by place: f0="PLA"."""
    filaments = tuple(
        FilamentFacts(index=int(place[1:]), material=name) for place, name in materials.items()
    )
    return FileFacts(
        kind=FileKind.GCODE,
        printer_model=model,
        plates=(PlateFacts(nozzles_mm=nozzles, filaments=filaments),),
    )


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("N2S", "A1"),
        ("N1", "A1 mini"),
        ("Bambu Lab A1", "A1"),
        ("Bambu Lab A1 mini", "A1 mini"),
        ("Bambu Lab A1 mini 0.4 nozzle", "A1 mini"),
        ("BL-P001", "X1 Carbon"),
        ("Bambu Lab X1 Carbon", "X1 Carbon"),
        ("C12", "P1S"),
        ("COREONE", "CORE One"),
        ("Prusa CORE One HF0.4 nozzle", "CORE One"),
        ("CORE One", "CORE One"),
        ("COREONEL", "CORE One L"),
        ("MK4S", "MK4S"),
        ("MK4SMMU3", "MK4S"),
        ("Original Prusa MK4S HF0.4 nozzle", "MK4S"),
        ("MK4IS", "MK4"),
        ("MK3.9", "MK4"),
        ("Original Prusa i3 MK3S & MK3S+", "MK3"),
        ("MK3SMMU2S", "MK3"),
        ("MK2.5S", "MK2.5"),
        ("Original Prusa MINI & MINI+", "MINI"),
        ("MINIIS", "MINI"),
        ("XL5", "XL"),
        ("XL2IS", "XL"),
        ("Voron 2.4", None),
        ("Virtual One", None),
        ("Generic RepRap Printer", None),
        ("", None),
        (None, None),
        ("x" * 100_000, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_models_are_known_by_all_their_names(name: str | None, model: str | None) -> None:
    assert model_of(name) == model


def test_every_model_that_a_driver_can_name_is_in_the_table() -> None:
    """A model that is missing here would never be protected."""
    for code, known in BAMBU.items():
        assert model_of(known.product) is not None, known.product
        assert model_of(code) == model_of(known.product)
    for alias, code in ALIASES.items():
        assert model_of(alias) == model_of(code)
    for name in PRUSA.values():
        assert model_of(name) is not None, name


def test_no_name_means_two_models() -> None:
    names = [name for model, others in MODELS.items() for name in {model, *others}]
    assert all(model_of(name) is not None for name in names)
    for model, others in MODELS.items():
        assert {model_of(name) for name in (model, *others)} == {model}


@pytest.mark.parametrize(
    ("material", "family"),
    [
        ("PLA", "PLA"),
        ("PLA-CF", "PLA"),
        ("PLA Silk", "PLA"),
        ("pla+", "PLA"),
        ("PETG", "PETG"),
        ("PETG-CF", "PETG"),
        ("PCTG", "PETG"),
        ("PET-CF", "PETCF"),
        ("PET", None),
        ("PA6-CF", "PA"),
        ("PAHT-CF", "PA"),
        ("NYLON", "PA"),
        ("FLEX", "TPU"),
        ("TPU-AMS", "TPU"),
        ("ABS-GF", "ABS"),
        ("PC", "PC"),
        ("---", None),
        ("Support W", None),
        (None, None),
    ],
)
def test_materials_are_known_by_their_family(material: str | None, family: str | None) -> None:
    assert family_of(material) == family


def test_every_material_of_the_table_is_its_own_family() -> None:
    for family, names in FAMILIES.items():
        assert {family_of(name) for name in (family, *names)} == {family}


def test_every_objection_has_its_text() -> None:
    assert {objection.value for objection in Objection} <= KEYS


@pytest.mark.parametrize(
    ("model", "printer", "objects"),
    [
        ("MK4S", "CORE One", True),
        ("N2S", "A1 mini", True),
        ("N2S", "A1", False),
        ("MK3.9", "MK4", False),
        ("MK4", "MK4S", True),
        ("Voron 2.4", "MK4", False),
        ("MK4", None, False),
        (None, "MK4", False),
        ("MK4", "Ender 3", False),
    ],
)
def test_a_known_model_that_is_another_one_is_objected_to(
    model: str | None, printer: str | None, objects: bool
) -> None:
    found = mismatches(file(model), None, identity(printer), status())
    assert [one.objection for one in found] == ([Objection.MACHINE] if objects else [])


def test_nothing_known_is_nothing_objected_to() -> None:
    assert mismatches(NO_FACTS, None, None, None) == ()
    assert mismatches(file("MK4", nozzles=(0.6,), f0="PLA"), None, None, None) == ()
    assert mismatches(file("MK4", nozzles=(0.6,)), 7, identity("MK4"), status(0.4)) == ()


@pytest.mark.parametrize(
    ("nozzles", "tools", "reason"),
    [
        ((0.6,), (0.4,), "0.6 mm, not 0.4 mm"),
        ((0.4,), (0.4,), None),
        ((0.4000001,), (0.4,), None),
        ((0.4, 0.6), (0.4, 0.6), None),
        ((0.4,), (0.4, 0.6), None),
        ((0.8,), (0.6, 0.4), "0.8 mm, not 0.4 mm, 0.6 mm"),
        ((0.6,), (0.4, None), None),
        ((0.6,), (), None),
        ((), (0.4,), None),
    ],
)
def test_a_nozzle_that_no_tool_has_is_objected_to(
    nozzles: tuple[float, ...], tools: tuple[float | None, ...], reason: str | None
) -> None:
    found = mismatches(file(nozzles=nozzles), None, None, status(*tools))
    assert [one.reason for one in found] == ([] if reason is None else [reason])
    assert all(one.objection is Objection.NOZZLE for one in found)


@pytest.mark.parametrize(
    ("wanted", "printer", "slots", "reason"),
    [
        ({"f0": "PLA"}, status(0.4, loaded="PETG"), (), "PLA, not PETG"),
        ({"f0": "PLA"}, status(0.4, loaded="PLA-CF"), (), None),
        ({"f0": "PLA"}, status(0.4, loaded=None), (), None),
        ({"f0": "PLA"}, status(0.4, loaded="???"), (), None),
        ({"f0": "PLA"}, status(0.4, 0.4, loaded="PETG"), (), None),
        ({"f0": "PLA", "f1": "PLA"}, status(0.4, loaded="PETG"), (), None),
        ({"f0": "PLA"}, status(slots=("PETG",)), (), "PLA, not PETG"),
        ({"f0": "PLA"}, status(slots=(None,)), (), None),
        ({"f0": "PLA"}, status(slots=("PETG", "PLA")), (), None),
        ({"f0": "PLA"}, status(slots=("PETG", "PLA")), ("0_0",), "PLA, not PETG (0_0)"),
        ({"f0": "PLA"}, status(slots=("PETG", "PLA")), ("0_1",), None),
        ({"f2": "ABS"}, status(slots=("PETG", "PLA")), (None, None, "0_1"), "ABS, not PLA (0_1)"),
        ({"f2": "ABS"}, status(slots=("PETG", "PLA")), ("0_1",), None),
        ({"f0": "ABS"}, status(slots=("PETG", "PLA")), (None, "0_1"), None),
        ({"f0": "ABS"}, status(slots=("PETG", None)), ("0_1",), None),
        ({"f0": "ABS"}, status(slots=("PETG",)), ("9_9",), None),
    ],
)
def test_a_material_that_contradicts_the_slot_is_objected_to(
    wanted: dict[str, str],
    printer: PrinterStatus,
    slots: tuple[str | None, ...],
    reason: str | None,
) -> None:
    found = mismatches(file(**wanted), None, None, printer, slots)
    assert [one.reason for one in found] == ([] if reason is None else [reason])
    assert all(one.objection is Objection.MATERIAL for one in found)


def test_only_the_plate_that_is_printed_counts() -> None:
    facts = FileFacts(
        kind=FileKind.THREEMF,
        plates=(PlateFacts(number=1, nozzles_mm=(0.4,)), PlateFacts(number=2, nozzles_mm=(0.6,))),
    )
    assert mismatches(facts, None, None, status(0.4)) == ()
    assert mismatches(facts, 1, None, status(0.4)) == ()
    assert len(mismatches(facts, 2, None, status(0.4))) == 1
