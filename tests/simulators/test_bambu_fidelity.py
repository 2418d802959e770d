"""The simulated Bambu Lab printers, held to recorded ones and to plain clients."""

from __future__ import annotations

import asyncio
import ftplib
import json
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Heater,
    MachineSlot,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)

from .bambu import BambuSimulator
from .bambu_reports import PROFILES, Wire, full_push

REPORTS = Path(__file__).parents[3] / "shared" / "fixtures" / "bambu" / "report"
KIN = {"MOCK-A1": "A1", "MOCK-H2D": "H2D", "MOCK-P2S": "P2S", "MOCK-X1CMULTIAMS": "X1C"}
READ = [
    "gcode_state",
    "stg_cur",
    "stg",
    "mc_percent",
    "mc_remaining_time",
    "layer_num",
    "total_layer_num",
    "gcode_file",
    "subtask_name",
    "task_id",
    "subtask_id",
    "print_type",
    "gcode_file_prepare_percent",
    "print_error",
    "hms",
    "nozzle_temper",
    "nozzle_target_temper",
    "bed_temper",
    "bed_target_temper",
    "cooling_fan_speed",
    "big_fan1_speed",
    "big_fan2_speed",
    "heatbreak_fan_speed",
    "spd_lvl",
    "spd_mag",
    "wifi_signal",
    "sdcard",
    "lights_report",
    "hw_switch_state",
    "nozzle_diameter",
    "nozzle_type",
    "home_flag",
    "ams",
    "ipcam",
    "upgrade_state",
    "online",
    "vt_tray",
    "vir_slot",
    "device",
    "cfg",
    "fun",
    "stat",
    "aux",
    "xcam",
    "net",
    "command",
    "sequence_id",
]
"""What a report says about state; the rest of a recorded one is not simulated."""


def machine(**settings: Any) -> VirtualMachine:
    made = VirtualMachine(
        now=time.monotonic,
        serial="SIM0000000001",
        slots=[MachineSlot() for _ in range(4)],
        tools=[Heater(), Heater()],
        **settings,
    )
    made.store(VirtualFile(path="/a.gcode", content=b"G28\n" * 50, plates=(PlateFacts(),)))
    return made


def shape(value: Any) -> Any:
    if isinstance(value, bool):
        return "bool"
    return {int: "number", float: "number", str: "text", list: "list", dict: "object"}.get(
        type(value), "nothing"
    )


@pytest.mark.parametrize("name", KIN)
def test_reports_have_the_fields_and_kinds_of_recorded_ones(name: str) -> None:
    path = REPORTS / f"{name}.json"
    if not path.is_file():
        pytest.skip("no recorded reports here")
    real = json.loads(path.read_bytes())["pushall"]["print"]
    ours = full_push(machine(), Wire(PROFILES[KIN[name]]))
    # A printer that sends both forms of the external spool is simulated with the newer alone.
    told = {key for key in READ if key in real} - ({"vt_tray"} if "vir_slot" in real else set())
    told -= set() if "vt_tray" in ours else {"vt_tray"}
    assert told - ours.keys() <= {"vir_slot"} if KIN[name] == "X1C" else told <= ours.keys()
    assert {key: shape(ours[key]) for key in told & ours.keys()} == {
        key: shape(real[key]) for key in told & ours.keys()
    }


def test_a_tray_has_the_fields_of_a_recorded_one() -> None:
    path = REPORTS / "MOCK-A1.json"
    if not path.is_file():
        pytest.skip("no recorded reports here")
    real = json.loads(path.read_bytes())["pushall"]["print"]["ams"]["ams"][0]["tray"][0]
    ours = full_push(machine(), Wire(PROFILES["A1"]))["ams"]["ams"][0]["tray"][0]
    assert real.keys() <= ours.keys()
    assert {key: shape(real[key]) for key in real} == {key: shape(ours[key]) for key in real}


@pytest.mark.parametrize(("model", "family"), [("A1", "delta"), ("X1C", "full"), ("H2D", "nested")])
async def test_each_family_pushes_in_its_own_way(model: str, family: str) -> None:
    made = machine()
    simulator = BambuSimulator(made, model, ftps=False, camera=False)
    sent: list[dict[str, Any]] = []
    simulator._publish = lambda message: sent.append(message["print"])  # type: ignore[method-assign]
    simulator.push_all()
    made.bed.actual_c += 10
    simulator.push()
    whole, part = sent
    assert whole["msg"] == 0
    assert "gcode_state" in whole
    if family == "full":
        assert "gcode_state" in part
    else:
        assert part["msg"] == 1
        assert "gcode_state" not in part
        assert "bed_temper" in part
    if family == "nested":
        assert set(part["device"]) == {"bed"}


async def test_a_plain_mqtt_client_is_served() -> None:
    """Any slicer, any script: the simulator is a broker, not a partner of our driver."""
    got: list[dict[str, Any]] = []
    async with BambuSimulator(machine(), "A1", ftps=False, camera=False) as simulator:

        def talk() -> None:
            client = mqtt.Client(CallbackAPIVersion.VERSION2, "plain")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            client.tls_set_context(context)
            client.tls_insecure_set(True)
            client.username_pw_set("bblp", simulator.access_code)
            client.on_message = lambda _c, _u, message: got.append(json.loads(message.payload))
            client.connect("127.0.0.1", simulator.mqtt_port)
            client.loop_start()
            client.subscribe(f"device/{simulator.serial}/report")
            body = {"pushing": {"sequence_id": "0", "command": "pushall"}}
            client.publish(f"device/{simulator.serial}/request", json.dumps(body), qos=1)
            end = time.monotonic() + 5
            while not got and time.monotonic() < end:
                time.sleep(0.02)
            client.disconnect()
            client.loop_stop()

        await asyncio.to_thread(talk)
    assert got
    assert got[0]["print"]["gcode_state"] == "IDLE"


async def test_a_client_that_does_not_resume_its_session_is_turned_away() -> None:
    async with BambuSimulator(machine(), "A1", camera=False) as simulator:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

        class Implicit(ftplib.FTP_TLS):
            def ntransfercmd(
                self, cmd: str, rest: int | str | None = None
            ) -> tuple[socket.socket, int | None]:
                line, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
                return self.context.wrap_socket(line), size

        def fetch() -> None:
            client = Implicit(context=context, timeout=5)
            client.sock = context.wrap_socket(
                __import__("socket").create_connection(("127.0.0.1", simulator.ftps_port), 5)
            )
            client.af = client.sock.family
            client.host = "127.0.0.1"
            client.file = client.sock.makefile("r", encoding="utf-8")
            client.getresp()
            ftplib.FTP.login(client, "bblp", simulator.access_code)
            client.prot_p()
            try:
                client.transfercmd("RETR /a.gcode").recv(10)
                client.voidresp()
            finally:
                client.close()

        with pytest.raises(ftplib.error_perm, match="522"):
            await asyncio.to_thread(fetch)
