"""The simulated PrusaLink is held to the published description and to recorded answers.

Three sources, each used where it is and skipped where it is not: the OpenAPI description of
Prusa-Link-Web (a file named by PRUSALINK_OPENAPI, or <cache>/openapi/prusalink.yaml), the
objects made from it in the shared fixtures, and recorded exchanges. The description is not always
what devices do; where both disagree the simulator follows the device, and `DEVIATIONS` names it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from jsonschema import Draft4Validator
from yarl import URL

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from tests.cache_folder import CACHE
from tests.simulators.prusalink import Moving, PrusaLinkSimulator

SHARED = Path(__file__).parents[3] / "shared/fixtures/prusalink"
DESCRIPTION = Path(os.environ.get("PRUSALINK_OPENAPI") or CACHE / "openapi/prusalink.yaml")
PATHS = [
    "/api/version",
    "/api/v1/info",
    "/api/v1/status",
    "/api/v1/job",
    "/api/v1/storage",
    "/api/v1/transfer",
    "/api/v1/files/{}/part.gcode",
    "/api/v1/files/{}/folder",
]
DEVIATIONS = {
    ("buddy", "/api/version"): "the firmware says no `version`",
    ("buddy", "/api/v1/job"): "the firmware leaves `read_only` out of the file (recorded, XL)",
    ("buddy", "/api/v1/files/{}/part.gcode"): "the firmware says `ro`, not `read_only`",
    ("buddy", "/api/v1/files/{}/folder"): "the firmware says `ro`, not `read_only`",
    ("pi", "/api/version"): "the daemon says neither `version` nor `printer` (recorded)",
    ("pi", "/api/v1/info"): "the daemon's `port` is a number (recorded)",
    ("pi", "/api/v1/status"): "the daemon lists its storages instead of naming one (recorded)",
    ("pi", "/api/v1/files/{}/part.gcode"): "the daemon's `refs.icon` is null (recorded)",
    ("pi", "/api/v1/files/{}/folder"): "the daemon's `refs.icon` is null (recorded)",
}
"""What devices (or the recorded daemon) do differently from the description."""


class Time:
    """Machine time, turned by hand."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def answers(dialect: str) -> dict[str, Any]:
    """Return what a printing simulator with an upload under way says, by path."""
    time = Time()
    machine = VirtualMachine(now=time, serial="CZPX0000X000XC00001")
    plate = (PlateFacts(tool_c=60, bed_c=30),)
    for path in ("/part.gcode", "/folder/inner.gcode"):
        machine.store(VirtualFile(path=path, content=b"G28\n", modified=1.7e9, plates=plate))
    machine.start("/part.gcode")
    time.seconds += 200
    key = "pi-api-key" if dialect == "pi" else "secret-key"
    async with (
        PrusaLinkSimulator(machine, dialect=dialect) as sim,
        aiohttp.ClientSession(headers={"X-Api-Key": key}) as http,
    ):
        sim.transfer = Moving(9, "new.gcode", 4000, 100.0, moved=1000)
        found = {}
        for path in PATHS:
            place = path.format("local" if dialect == "pi" else "usb")
            async with http.get(f"http://{sim.host}:{sim.port}{place}") as answer:
                assert answer.status == 200, place
                found[path] = await answer.json()
        return found


def description() -> dict[str, Any]:
    if not DESCRIPTION.exists():
        pytest.skip(f"no OpenAPI description of PrusaLink ({DESCRIPTION.name} in the cache)")
    loaded: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    return loaded


def complaint(spec: dict[str, Any], path: str, body: object) -> str | None:
    """Return what the description has against an answer, or None."""
    template = re.sub(r"/files/.*", "/files/{storage}/{path}", path)
    operation = spec["paths"][template]["get"]["responses"]
    schema = operation.get(200, operation.get("200"))["content"]["application/json"]["schema"]
    whole = {"allOf": [schema], "components": spec["components"]}
    errors = Draft4Validator(whole).iter_errors(body)
    first = next(iter(errors), None)
    return None if first is None else first.message[:200]


@pytest.mark.parametrize("dialect", ["buddy", "pi"])
async def test_answers_fit_the_published_description_but_where_devices_do_not(
    dialect: str,
) -> None:
    """A deviation that goes away must leave the list, and no new one may come unseen."""
    spec = description()
    said = await answers(dialect)
    wrong = {
        (dialect, path): reason
        for path, body in said.items()
        if (reason := complaint(spec, path, body)) is not None
    }
    assert wrong.keys() == {key for key in DEVIATIONS if key[0] == dialect}, wrong


def shape(value: object) -> object:
    """Return the kind of a value; whole and broken numbers are one kind."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


def fixture(name: str) -> Any:
    path = SHARED / name
    if not path.exists():
        pytest.skip("shared fixtures are not here")
    return json.loads(path.read_text())


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> set[str]:
    """Return fields of ours that theirs has in another kind."""
    return {
        key
        for key in ours.keys() & theirs.keys()
        if shape(ours[key]) != shape(theirs[key]) and theirs[key] is not None
    }


@pytest.mark.parametrize("dialect", ["buddy", "pi"])
async def test_fields_have_the_kinds_of_the_described_objects(dialect: str) -> None:
    """Structural only: the same fields hold the same kinds of values."""
    said = await answers(dialect)
    status = said["/api/v1/status"]
    assert not differences(status["printer"], fixture("openapi/StatusPrinter.json"))
    assert not differences(status["transfer"], fixture("openapi/StatusTransfer.json"))
    assert not differences(said["/api/v1/job"], fixture("openapi/Job.json"))
    file = said["/api/v1/files/{}/part.gcode"]
    assert not differences(file, fixture("openapi/PrintFileInfoBasic.json"))
    # The example has `size` as a number although its schema, and the firmware, say text.
    transfer = differences(said["/api/v1/transfer"], fixture("openapi/Transfer.json"))
    assert transfer == {"size"}


async def test_the_firmware_answers_with_the_fields_of_recorded_bodies() -> None:
    said = await answers("buddy")
    body = fixture("responses/ha_status_printing_xl.json")["body"]
    assert said["/api/v1/status"]["printer"].keys() == body["printer"].keys()
    assert said["/api/v1/status"]["job"].keys() == body["job"].keys()
    assert said["/api/v1/status"]["storage"] == body["storage"]
    job = fixture("responses/ha_job_printing_xl.json")["body"]
    assert said["/api/v1/job"].keys() == job.keys()
    assert said["/api/v1/job"]["file"].keys() == job["file"].keys()
    assert said["/api/v1/job"]["file"]["path"] == job["file"]["path"]
    version = fixture("responses/get_version.json")["body"]
    assert said["/api/version"].keys() == version.keys()
    folder = fixture("buddy/folder_root.json")["body"]
    ours = said["/api/v1/files/{}/folder"]
    assert ours.keys() == folder.keys()
    assert ours["children"][0].keys() == folder["children"][0].keys()


def recorded(scene: str, path: str) -> list[dict[str, Any]]:
    return [
        exchange["response"]["json"]
        for exchange in fixture(f"live/{scene}.json")["exchanges"]
        if exchange.get("request", {}).get("path") == path
        and exchange["response"].get("status") == 200
    ]


async def test_the_daemon_answers_with_the_fields_of_the_recorded_daemon() -> None:
    said = await answers("pi")
    real = recorded("printing", "/api/v1/status")[-1]
    ours = said["/api/v1/status"]
    assert ours["printer"].keys() == real["printer"].keys()
    assert ours["job"].keys() - {"time_printing"} == real["job"].keys()
    assert [s["path"] for s in ours["storage"]] == [s["path"] for s in real["storage"]]
    assert said["/api/version"].keys() == recorded("idle", "/api/version")[-1].keys()
    assert said["/api/v1/info"].keys() == recorded("idle", "/api/v1/info")[-1].keys()
    job = recorded("printing", "/api/v1/job")[-1]
    file = said["/api/v1/job"]["file"]
    assert job["file"].keys() - file.keys() == {"meta"}
    assert not file.keys() - job["file"].keys()


async def test_states_without_a_job_have_none_as_recorded() -> None:
    """The daemon drops the job with its end, the firmware keeps it until it is dismissed."""
    assert all("job" not in body for body in recorded("cancelled", "/api/v1/status")[:1])
    kept = {}
    for dialect, key in (("pi", "pi-api-key"), ("buddy", "secret-key")):
        time = Time()
        machine = VirtualMachine(now=time)
        machine.store(VirtualFile(path="/part.gcode"))
        machine.start("/part.gcode")
        machine.cancel()
        async with (
            PrusaLinkSimulator(machine, dialect=dialect) as sim,
            aiohttp.ClientSession(headers={"X-Api-Key": key}) as http,
        ):
            url = f"http://{sim.host}:{sim.port}/api/v1/status"
            body = await (await http.get(url)).json()
            assert body["printer"]["state"] == "STOPPED"
            kept[dialect] = "job" in body
            time.seconds += 12
            later = await (await http.get(url)).json()
            kept[f"{dialect} later"] = later["printer"]["state"]
    assert kept == {
        "pi": False, "pi later": "IDLE", "buddy": True, "buddy later": "STOPPED",
    }  # fmt: skip


async def test_attention_is_a_pause_to_the_job_api_alone() -> None:
    time = Time()
    machine = VirtualMachine(now=time)
    machine.store(VirtualFile(path="/part.gcode"))
    machine.start("/part.gcode")
    machine.inject(Fault.RUNOUT)
    async with (
        PrusaLinkSimulator(machine) as sim,
        aiohttp.ClientSession(headers={"X-Api-Key": "secret-key"}) as http,
    ):
        base = f"http://{sim.host}:{sim.port}/api/v1"
        assert (await (await http.get(f"{base}/status")).json())["printer"]["state"] == "ATTENTION"
        assert (await (await http.get(f"{base}/job")).json())["state"] == "PAUSED"
        assert (await http.put(f"{base}/job/1/continue")).status == 400
        assert (await http.put(f"{base}/job/7/pause")).status == 404


@pytest.mark.parametrize(
    ("headers", "name", "status"),
    [
        ({}, "x.txt", 415),
        ({}, "x%3Fy.gcode", 422),
        ({}, "part.gcode", 409),
        ({"Overwrite": "?1"}, "part.gcode", 201),
        ({"Create-Folder": "?1"}, "new", 201),
        ({"Print-After-Upload": "?1"}, "p.gcode", 201),
        ({"Transfer-Encoding": "chunked"}, "c.gcode", 411),
    ],
)
async def test_uploads_end_as_the_protocol_says(
    headers: dict[str, str], name: str, status: int
) -> None:
    machine = VirtualMachine(now=Time())
    machine.store(VirtualFile(path="/part.gcode", content=b"G28"))
    async with (
        PrusaLinkSimulator(machine) as sim,
        aiohttp.ClientSession(headers={"X-Api-Key": "secret-key"}) as http,
    ):

        async def pieces() -> AsyncIterator[bytes]:
            yield b"G28\n"

        chunked = "Transfer-Encoding" in headers
        url = URL(f"http://{sim.host}:{sim.port}/api/v1/files/usb/{name}", encoded=True)
        sent = {} if chunked else headers
        async with http.put(url, data=pieces() if chunked else b"G28\n", headers=sent) as answer:
            assert answer.status == status
        async with http.post(f"http://{sim.host}:{sim.port}/api/files/usb") as legacy:
            assert legacy.status == 410
