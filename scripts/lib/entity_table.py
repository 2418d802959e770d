"""The table of entities in docs/user/entities.md, from the rows of the platforms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import homeassistant.core  # noqa: F401 - settles who `voluptuous` is before anything else asks

from custom_components.printernizer import (
    binary_sensor,
    button_rows,
    camera,
    energy_entities,
    event,
    image,
    light,
    month_entities,
    number,
    select,
    sensor_rows,
    spool_entities,
    stock_entities,
    switch,
    todo,
    unit_rows,
    update,
    upload_entities,
)
from custom_components.printernizer.engine.drivers.base import Range
from custom_components.printernizer.engine.printer import (
    Fan,
    PrinterState,
    PrinterStatus,
    Temperature,
    Tool,
)
from custom_components.printernizer.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/user/entities.md"
BEGIN: Final = "<!-- entities: written by scripts/docs -->"
END: Final = "<!-- end of entities -->"
_MOST_STATES: Final = 12

_HEAT: Final = Temperature(actual_c=20.0, target_c=0.0)
_EVERYTHING: Final = PrinterStatus(
    state=PrinterState.IDLE,
    tools=(Tool(index=0, temperature=_HEAT), Tool(index=1, temperature=_HEAT)),
    bed=_HEAT,
    chamber=_HEAT,
    fans=tuple(Fan(key=key, percent=0, rpm=0) for key in unit_rows.FANS),
)
_HEATERS: Final = {
    key: Range(minimum=0, maximum=1) for key in ("tool_0", "tool_1", "bed", "chamber")
}


def rows() -> Iterator[tuple[str, str, Any]]:
    """Yield platform, translation key and description of every entity there can be."""
    sensors = (
        *sensor_rows.PRINTER_SENSORS,
        *sensor_rows.JOB_SENSORS,
        sensor_rows.START_TIME,
        sensor_rows.END_TIME,
        *sensor_rows.LAST_JOB_SENSORS,
        *upload_entities.UPLOAD_SENSORS,
        upload_entities.UPLOAD_END,
        *unit_rows.heat_sensors(_EVERYTHING, Parts()),
        *unit_rows.fan_sensors(_EVERYTHING, Parts()),
        *unit_rows.FEEDER_SENSORS,
        *unit_rows.SLOT_SENSORS,
        *stock_entities.STOCK_SENSORS,
        *energy_entities.ENERGY_SENSORS,
        *month_entities.MONTH_SENSORS,
        *month_entities.ACCOUNT_SENSORS,
    )
    tables: dict[str, tuple[Any, ...]] = {
        "sensor": sensors,
        "binary_sensor": (
            binary_sensor.ONLINE,
            *binary_sensor.BINARY_SENSORS,
            spool_entities.NOT_ENOUGH,
            stock_entities.LOW,
        ),
        "button": (
            *button_rows.BUTTONS,
            button_rows.LOAD_SLOT,
            button_rows.EMERGENCY_STOP,
            button_rows.CANCEL_UPLOAD,
            *button_rows.MAINTENANCE_BUTTONS,
            button_rows.REFRESH,
        ),
        "number": tuple(number.numbers(Parts(heaters=_HEATERS, speed_range=(1, 2)))),
        "select": (
            select.SPEED_PROFILE,
            spool_entities.SLOT_SPOOL,
            spool_entities.tool_spool(0, 2),
        ),
        "todo": (todo.IDEAS, todo.TASKS),
        "camera": (camera.CAMERA, camera.MORE),
        "image": (image.JOB_PICTURE, image.SNAPSHOT),
        "update": (update.FIRMWARE,),
        "event": (event.JOB, event.PROBLEM, event.UPLOAD, stock_entities.NEWS),
    }
    for platform, table in tables.items():
        for row in table:
            yield platform, row.translation_key, row
    yield "switch", "outlet", switch.outlet("name")
    for platform, keys in (
        ("switch", switch.OPTIONS),
        ("light", light.LIGHTS),
        ("fan", unit_rows.FANS),
    ):
        for key in keys:
            yield platform, key, None


def table() -> str:
    """Return the table in Markdown."""
    names = json.loads((ROOT / "custom_components/printernizer/translations/en.json").read_text())
    lines = [
        "| Platform | Name | Shows | Category | On by default |",
        "| --- | --- | --- | --- | --- |",
    ]
    for platform, key, row in rows():
        words = names["entity"][platform][key]
        name = words.get("name", "(the device itself)")
        category = getattr(row, "entity_category", None) or (
            "config" if platform == "switch" and row is None else ""
        )
        enabled = getattr(row, "entity_registry_enabled_default", True)
        lines.append(
            f"| {platform} | {name} | {_shows(row, words)} | {category} | "
            f"{'yes' if enabled else 'no'} |"
        )
    return "\n".join(lines)


def _shows(row: Any, words: dict[str, Any]) -> str:
    states = list(words.get("state", {}).values())
    if len(states) > _MOST_STATES:
        return f"one of {len(states)} words"
    if states:
        return ", ".join(states)
    unit = getattr(row, "native_unit_of_measurement", None)
    return str(unit or getattr(row, "device_class", None) or "").replace("_", " ")


def page() -> str:
    """Return the page with its table as it should be. Raises ValueError without the markers."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE.name} has lost the markers of its table")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is up to date."""
    wanted = page()
    if wanted == PAGE.read_text():
        return 0
    if "--check" in arguments:
        print(f"{PAGE.relative_to(ROOT)} is out of date: run scripts/docs")
        return 1
    PAGE.write_text(wanted)
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
