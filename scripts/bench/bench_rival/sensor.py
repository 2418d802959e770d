"""The rival's sensors."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
from homeassistant.components.sensor import SensorEntity
from homeassistant.core import callback

from . import ENTITIES

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


def merge(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Merge deeply, in place."""
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            merge(old[key], value)
        else:
            old[key] = value


class Printer:
    """One printer with its thread."""

    def __init__(self, hass: HomeAssistant, data: dict[str, Any]) -> None:
        self.hass = hass
        self.data = data
        self.report: dict[str, Any] = {}
        self.sensors: list[Field] = []

    def start(self) -> None:
        """Connect; runs in the executor."""
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.username_pw_set("bblp", self.data["access_code"])
        client.tls_set(cert_reqs=ssl.CERT_NONE)
        client.tls_insecure_set(True)
        client.on_connect = self.on_connect
        client.on_message = self.on_message
        client.connect(self.data["host"], self.data["mqtt_port"])
        client.loop_start()

    def on_connect(self, client: mqtt.Client, *_: object) -> None:
        """Subscribe and ask for everything."""
        client.subscribe(f"device/{self.data['serial']}/report")
        ask = {"pushing": {"sequence_id": "0", "command": "pushall"}}
        client.publish(f"device/{self.data['serial']}/request", json.dumps(ask), 1)

    def on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """Merge what came and tell the loop."""
        merge(self.report, json.loads(message.payload).get("print", {}))
        self.hass.loop.call_soon_threadsafe(self.tell)

    @callback
    def tell(self) -> None:
        """Write every state."""
        for sensor in self.sensors:
            sensor.async_write_ha_state()


class Field(SensorEntity):
    """One field of the report."""

    _attr_should_poll = False

    def __init__(self, printer: Printer, number: int) -> None:
        self._printer = printer
        self._number = number
        self._attr_unique_id = f"{printer.data['serial']}_{number}"
        self._attr_name = f"Rival {printer.data['serial']} {number}"

    @property
    def native_value(self) -> str | None:
        """The value of the nth field."""
        value: str | None = self._printer.report.get(_FIELDS[self._number])
        return value


_FIELDS: tuple[str, ...] = (
    "nozzle_temper", "nozzle_target_temper", "bed_temper", "bed_target_temper", "chamber_temper",
    "mc_percent", "mc_remaining_time", "layer_num", "total_layer_num", "gcode_state", "stg_cur",
    "gcode_file", "subtask_name", "task_id", "subtask_id", "print_type", "wifi_signal",
    "cooling_fan_speed", "big_fan1_speed", "big_fan2_speed", "heatbreak_fan_speed", "spd_lvl",
    "spd_mag", "print_error", "nozzle_diameter", "nozzle_type", "home_flag", "sdcard", "lifecycle",
    "fan_gear", "ams_status", "ams_rfid_status", "hw_switch_state", "queue_number", "queue_total",
    "queue_est", "queue_sts", "mc_print_stage", "mc_print_sub_stage", "mc_print_line_number",
    "force_upgrade", "mess_production_state", "cali_version", "k", "flag3", "project_id",
    "profile_id", "gcode_file_prepare_percent", "msg", "command",
)  # fmt: skip


async def async_setup_platform(
    hass: HomeAssistant, config: Any, async_add_entities: Any, info: Any = None
) -> None:
    """Make 50 sensors for each printer."""
    for data in info["printers"]:
        printer = Printer(hass, data)
        printer.sensors = [Field(printer, number) for number in range(ENTITIES)]
        async_add_entities(printer.sensors)
        await hass.async_add_executor_job(printer.start)
