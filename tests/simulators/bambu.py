"""A Bambu Lab printer as real servers on 127.0.0.1, around one virtual machine.

MQTT over TLS always; FTPS and the camera unless told otherwise. What can be made to go wrong is
an attribute. Nothing here comes from the driver under test.
"""

import asyncio
import copy
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from custom_components.printernizer.engine.drivers.bambu.driver import BambuDriver
from custom_components.printernizer.engine.drivers.base import Driver
from custom_components.printernizer.engine.drivers.virtual.machine import Phase, VirtualMachine
from custom_components.printernizer.engine.errors import Refused

from .bambu_broker import Broker, Client
from .bambu_camera import CameraServer
from .bambu_ftps import FtpsServer
from .bambu_reports import CANCEL_CODE, PROFILES, Wire, full_push, partial_push, versions
from .certificates import Certificate, issue
from .print_files import object_number

BUSY_CODE = 0x05004004
CANCEL_SHOWN_S = 3.0
"""How long the code of a cancel is shown before the firmware clears it."""
PREPARE_S = 0.3
EXTERNAL = 254
_NUMBER = re.compile(r"-?\d+(\.\d*)?")


class BambuSimulator:
    """One printer. `async with` it."""

    host = "127.0.0.1"

    def __init__(
        self,
        machine: VirtualMachine,
        model: str = "A1",
        access_code: str = "12345678",
        *,
        serial: str | None = None,
        interval_s: float = 1.0,
        ftps: bool = True,
        camera: bool = True,
        certificate: Certificate | None = None,
        developer_mode: bool = True,
    ) -> None:
        self.machine = machine
        self.profile = PROFILES[model]
        self.serial = serial or machine.serial
        self.wire = Wire(self.profile, developer_mode=developer_mode)
        self.certificate = certificate or issue(self.serial)
        self.interval_s = interval_s
        context = self.certificate.context()
        self.broker = Broker(context, self.serial, access_code, self._request)
        self.ftps = FtpsServer(self) if ftps else None
        self.camera = (
            CameraServer(self, self.certificate.context()) if camera and self.profile.jpeg else None
        )
        self.stalled = False
        """True: the line stays up, but nothing is reported any more."""
        self.echoes = True
        """False: commands are done without an answer."""
        self.deaf = False
        """True: it reports, but commands lead to nothing."""
        self.lag = 1
        """How many pushes after a command still carry the old state."""
        self.refusal = "reply"
        """Without Developer Mode: "reply" says so, "silent" only shows an HMS."""
        self.old_address_form = False
        """Old firmware, which takes file:///sdcard but not ftp://."""
        self.start_cancels = False
        """The A1 mini's habit: a start in mid-print ends the running job."""
        self.cancel_shown_s = CANCEL_SHOWN_S
        self.late_cancel_code_s = 0.0
        """How long after FAILED the code of a cancel appears."""
        self._relative = False
        self.pushalls: list[float] = []
        self.commands: list[dict[str, Any]] = []
        self._sent: dict[str, Any] = {}
        self._stale = 0
        self._stale_words: dict[str, Any] = {}
        self._phase = machine.phase
        self._phase_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    # -- addresses -----------------------------------------------------------------------------

    @property
    def access_code(self) -> str:
        return self.broker.access_code

    @access_code.setter
    def access_code(self, code: str) -> None:
        self.broker.access_code = code

    @property
    def mqtt_port(self) -> int:
        return self.broker.port

    @property
    def ftps_port(self) -> int:
        return self.ftps.port if self.ftps else 0

    @property
    def camera_port(self) -> int:
        return self.camera.port if self.camera else 0

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint

    # -- life ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.broker.start()
        if self.ftps is not None:
            await asyncio.to_thread(self.ftps.start)
        if self.camera is not None:
            await self.camera.start()
        self._tasks.append(asyncio.create_task(self._report()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.broker.stop()
        if self.camera is not None:
            await self.camera.stop()
        if self.ftps is not None:
            await asyncio.to_thread(self.ftps.stop)

    async def kill(self) -> None:
        """Pull the network cable: nobody listens any more."""
        await self.broker.stop()

    async def revive(self) -> None:
        """Plug it in again, at the same port."""
        await self.broker.start()

    # -- reports -------------------------------------------------------------------------------

    async def _report(self) -> None:
        while True:
            self.push()
            await asyncio.sleep(self.interval_s)

    def push(self) -> None:
        """Report what changed (or everything, as the family has it) to who listens."""
        if not self.machine.reachable:
            self.broker.open = False
            self.broker.cut()
            return
        self.broker.open = True
        if self.stalled:
            return
        now = self.snapshot()
        family = self.profile.family
        if self._stale > 0:
            self._stale -= 1
            words = {"gcode_state", "stg_cur", "spd_lvl", "spd_mag", "lights_report"}
            old = {key: self._sent[key] for key in words if key in self._sent}
            now |= old
            if family != "full":
                head = {"command": "push_status", "msg": 1, "sequence_id": now["sequence_id"]}
                self._publish({"print": {**copy.deepcopy(old), **head}})
                return
        if family == "full":
            body = now
        elif not self._sent:
            body = {}
        else:
            body = partial_push(self._sent, now, nested=family == "nested")
        self._sent = now
        if body:
            self._publish({"print": body})

    def snapshot(self) -> dict[str, Any]:
        """Return the full report of this moment, with codes that come and go."""
        self.machine.tick()
        moment = time.monotonic()
        if self.machine.phase is not self._phase:
            self._phase, self._phase_at = self.machine.phase, moment
        since = moment - self._phase_at
        self.wire.just_started = self._phase is Phase.HEATING and since < PREPARE_S
        push = full_push(self.machine, self.wire)
        late = self.late_cancel_code_s
        if self._phase is Phase.CANCELLED and late <= since < late + self.cancel_shown_s:
            push["print_error"] = CANCEL_CODE
        return push

    def push_all(self) -> None:
        """Report everything."""
        if self.stalled:
            return
        self._sent = self.snapshot()
        self._publish({"print": self._sent})

    def _publish(self, message: dict[str, Any]) -> None:
        self.broker.publish(json.dumps(message, indent=4).encode())

    def inject(self, payload: bytes) -> None:
        """Send bytes as they are: garbage, for example."""
        self.broker.publish(payload)

    # -- commands ------------------------------------------------------------------------------

    def _request(self, client: Client, payload: bytes, qos: int) -> None:
        try:
            message = json.loads(payload)
        except ValueError:
            return
        for domain, body in message.items():
            if domain == "pushing":
                self._pushing(body)
            elif domain == "info" and not self.stalled:
                answer = versions(self.machine, self.wire, self.serial)
                answer["sequence_id"] = body.get("sequence_id", "0")
                client.publish(self.broker.report_topic, json.dumps({"info": answer}).encode())
            elif qos == 1 and not self.deaf:
                self.commands.append({domain: body})
                self._command(domain, body)

    def _pushing(self, body: dict[str, Any]) -> None:
        if body.get("command") == "pushall":
            self.pushalls.append(time.monotonic())
            self.push_all()

    def _command(self, domain: str, body: dict[str, Any]) -> None:
        answer = {**body, "result": "success", "reason": ""}
        if not self.wire.developer_mode:
            if self.refusal == "silent":
                self.wire.shows_unsigned_hms = True
                self.push()
                return
            answer |= {"result": "failed", "reason": "mqtt message verify failed"}
        else:
            try:
                self._obey(domain, body)
            except Refused as err:
                answer |= {"result": "fail", "reason": err.reason}
            else:
                self._stale = self.lag
        if self.echoes:
            self._publish({domain: answer})

    def _obey(  # noqa: C901, PLR0912 - a table of commands
        self, domain: str, body: dict[str, Any]
    ) -> None:
        machine = self.machine
        match domain, body.get("command"):
            case "print", "pause":
                machine.pause()
            case "print", "resume" if machine.phase is Phase.ATTENTION:
                machine.acknowledge()
            case "print", "resume":
                machine.resume()
            case "print", "stop":
                machine.cancel()
            case "print", "project_file":
                self._start(body)
            case "print", "gcode_file":
                self._print(str(body["param"]).removeprefix("/sdcard"), 1, "0")
            case "print", "gcode_line":
                for line in str(body["param"]).splitlines():
                    self._gcode(line)
            case "print", "print_speed":
                machine.set_speed({"1": 50, "2": 100, "3": 124, "4": 166}[str(body["param"])])
            case "print", "print_option":
                self.wire.options |= {
                    key: value for key, value in body.items() if key in self.wire.options
                }
            case "print", "set_ctt":
                machine.set_chamber_target(float(body["ctt_val"]))
            case "print", "clean_print_error":
                self.wire.error = 0
            case "print", "skip_objects":
                count = len(machine.run.plate.objects) if machine.run else 0
                places = {object_number(index): index for index in range(count)}
                machine.skip([places.get(one, -1) for one in body["obj_list"]])
            case "print", "ams_change_filament":
                self._change(body)
            case "system", "ledctrl":
                if body["led_node"].startswith("chamber_light"):
                    machine.set_light(on=body["led_mode"] == "on")
            case _:
                raise Refused("unknown command")

    def _start(self, body: dict[str, Any]) -> None:
        url = str(body["url"])
        forms = ("file:///sdcard", "file:///mnt/sdcard") if self.old_address_form else ("ftp://",)
        form = next((form for form in forms if url.startswith(form)), None)
        if form is None:
            raise Refused("invalid url")
        if any(type(body[key]) is not bool for key in ("use_ams", "timelapse", "bed_leveling")):
            raise Refused("invalid parameter")
        plate = int(str(body["param"]).removeprefix("Metadata/plate_").removesuffix(".gcode"))
        path = "/" + url.removeprefix(form).lstrip("/")
        self._print(path, plate, str(body["task_id"]), self._feeds(body))

    def _feeds(self, body: dict[str, Any]) -> list[int | None]:
        """Which spool each filament comes from: the flat numbers, or the pairs beside them."""
        flat: list[int] = body["ams_mapping"]
        pairs: list[dict[str, int]] | None = body.get("ams_mapping2")
        if body["use_ams"] is not any(number >= 0 and number != EXTERNAL for number in flat):
            raise Refused("Failed to get AMS mapping table")
        if pairs is None:
            return [0 if number == EXTERNAL else number for number in flat]
        if len(pairs) != len(flat) or EXTERNAL in flat:
            raise Refused("Failed to get AMS mapping table")
        feeds: list[int | None] = []
        for number, pair in zip(flat, pairs, strict=True):
            unit, slot = pair["ams_id"], pair["slot_id"]
            if unit in {254, 255}:
                feeds.append(None if slot == 255 else 0)
            elif number != unit * 4 + slot:
                raise Refused("Failed to get AMS mapping table")
            else:
                feeds.append(number)
            if unit in {254, 255} and number != -1:
                raise Refused("Failed to get AMS mapping table")
        return feeds

    def _change(self, body: dict[str, Any]) -> None:
        """Load or unload. The temperatures must be ones that filament melts at."""
        unit, slot, target = body["ams_id"], body["slot_id"], body["target"]
        if not 170 <= body["tar_temp"] <= 320:
            raise Refused("invalid temperature")
        if (slot, target) == (255, 255):
            self.machine.unload()
            self.wire.fed = False
            return
        if unit == 255:
            if target not in ({254} if not self.profile.dual else {255}):
                raise Refused("invalid target")
            self.machine.load(0)
        elif target != unit * 4 + slot:
            raise Refused("invalid target")
        else:
            self.machine.load(target)
        self.wire.fed = True

    def _print(self, path: str, plate: int, task_id: str, feeds: Sequence[int | None] = ()) -> None:
        if self.machine.in_job:
            if self.start_cancels:
                self.machine.cancel()
            self.wire.error = BUSY_CODE
            raise Refused("device is busy")
        self.machine.start(path, plate, feeds)
        self.wire.error = 0
        self.wire.task_id = task_id

    def _gcode(self, line: str) -> None:
        word, *rest = line.split()
        values = {part[0]: float(part[1:]) for part in rest if _NUMBER.fullmatch(part[1:])}
        match word:
            case "G28":
                self.machine.home([axis[0].lower() for axis in rest])
                self.machine.gcode(line)
            case "G1" if self._relative:
                way = {axis.lower(): way for axis, way in values.items() if axis in "XYZ"}
                self.machine.move(way)
            case "M1002":
                self._relative = False
            case "G91":
                self._relative = True
            case "M104":
                self.machine.set_tool_target(int(values.get("T", 0)), values["S"])
            case "M140":
                self.machine.set_bed_target(values["S"])
            case "M106":
                fan = {1: "part", 2: "auxiliary", 3: "chamber"}[int(values.get("P", 1))]
                self.machine.set_fan(fan, round(values["S"] / 2.55))
            case _:
                self.machine.gcode(line)


@asynccontextmanager
async def bambu_peer(
    machine: VirtualMachine, clock: Any, *, model: str = "A1"
) -> AsyncIterator[Driver]:
    """Put the driver and a simulator of this model around a machine: for the contract suite."""
    async with BambuSimulator(machine, model, interval_s=0.05) as simulator:
        simulator.cancel_shown_s = 1.0
        yield driver_for(simulator, clock)


def driver_for(simulator: BambuSimulator, clock: Any, **settings: Any) -> BambuDriver:
    """Return the driver that reaches a simulator."""
    return BambuDriver(
        simulator.host,
        **{
            "serial": simulator.serial,
            "access_code": simulator.access_code,
            "clock": clock,
            "mqtt_port": simulator.mqtt_port,
            "ftps_port": simulator.ftps_port,
            "camera_port": simulator.camera_port,
            **settings,
        },
    )
