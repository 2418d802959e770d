"""What a simulated Moonraker answers, by JSON-RPC method."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB
from custom_components.printernizer.engine.errors import Refused

from .klipper import CommandError
from .moonraker_files import GCODES, Missing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .moonraker import Connection, MoonrakerSimulator

type Json = dict[str, object]


class RpcError(Exception):
    """An error answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Methods:
    """The methods of one server."""

    def __init__(self, server: MoonrakerSimulator) -> None:
        self._server = server
        self._klipper = server.klipper
        self._queue_of_gcode = asyncio.Lock()
        table = self._about_server() | self._about_printer() | self._about_files()
        self._table: Mapping[str, Callable[[Json, Connection | None], Awaitable[object]]] = table

    async def call(self, method: str, params: Json, connection: Connection | None) -> object:
        """Answer. Raises RpcError."""
        self._server.catch_up()
        handler = self._table.get(method)
        if handler is None or method in self._server.unknown_methods:
            raise RpcError(-32601, "Method not found")
        try:
            return await handler(params, connection)
        except Missing as err:
            raise RpcError(-32601, str(err)) from err

    # -- the server --------------------------------------------------------------------------

    def _about_server(self) -> dict[str, Callable[..., Awaitable[object]]]:
        return {
            "server.info": self._info,
            "server.restart": self._restart_server,
            "server.database.get_item": self._database,
            "server.history.list": self._history,
            "server.job_queue.status": self._queue,
            "server.webcams.list": self._webcams,
            "server.spoolman.get_spool_id": self._spool,
            "machine.system_info": self._system_info,
            "machine.update.status": self._updates,
            "machine.device_power.devices": self._devices,
            "machine.device_power.post_device": self._switch,
            "machine.reboot": self._reboot,
            "machine.shutdown": self._reboot,
        }

    async def _info(self, _params: Json, _connection: object) -> Json:
        state = self._klipper.state
        return {
            "klippy_connected": state != "disconnected",
            "klippy_state": state,
            "components": list(self._server.components),
            "failed_components": [],
            "registered_directories": [str(root["name"]) for root in self._server.shelf.roots()],
            "warnings": [],
            "websocket_count": len(self._server.connections),
            "moonraker_version": "0.11.0",
            "missing_klippy_requirements": [],
            "api_version": [1, 5, 0],
            "api_version_string": "1.5.0",
        }

    async def _restart_server(self, _params: Json, _connection: object) -> str:
        self._server.drop()
        return "ok"

    async def _database(self, params: Json, _connection: object) -> Json:
        if (params.get("namespace"), params.get("key")) != ("moonraker", "instance_id"):
            raise RpcError(-32601, "Key not found")
        if self._server.instance_id is None:
            raise RpcError(-32601, "Key 'instance_id' in namespace 'moonraker' not found")
        return {"namespace": "moonraker", "key": "instance_id", "value": self._server.instance_id}

    async def _history(self, params: Json, _connection: object) -> Json:
        limit = params.get("limit", 50)
        assert isinstance(limit, int)
        jobs = self._server.past.newest(limit)
        return {"count": len(jobs), "jobs": jobs}

    async def _queue(self, _params: Json, _connection: object) -> Json:
        return {"queued_jobs": list(self._server.queue), "queue_state": "paused"}

    async def _webcams(self, _params: Json, _connection: object) -> Json:
        return {"webcams": list(self._server.webcams)}

    async def _spool(self, _params: Json, _connection: object) -> Json:
        return {"spool_id": self._server.spool_id}

    async def _system_info(self, _params: Json, _connection: object) -> Json:
        return {
            "system_info": {
                "provider": self._server.provider,
                "virtualization": {"virt_type": "none", "virt_identifier": "none"},
                "available_services": ["klipper", "moonraker"],
            }
        }

    async def _updates(self, _params: Json, _connection: object) -> Json:
        return {
            "busy": False,
            "version_info": {
                "klipper": {
                    "name": "klipper",
                    "version": self._server.machine.firmware,
                    "remote_version": self._server.remote_version,
                    "is_valid": True,
                }
            },
        }

    async def _devices(self, _params: Json, _connection: object) -> Json:
        return {
            "devices": [
                {"device": name, "status": status, "locked_while_printing": True, "type": "gpio"}
                for name, status in self._server.power.items()
            ]
        }

    async def _switch(self, params: Json, _connection: object) -> Json:
        name, action = str(params.get("device")), str(params.get("action"))
        if name not in self._server.power:
            raise RpcError(400, f"No valid device named {name}")
        if self._server.machine.phase in IN_JOB:
            raise RpcError(400, f"Unable to change power for {name} while printing")
        if not self._server.stuck_relay:
            self._server.switch(name, action)
        return {name: self._server.power[name]}

    async def _reboot(self, _params: Json, _connection: object) -> str:
        self._server.reboots += 1
        self._server.drop()
        return "ok"

    # -- Klipper -----------------------------------------------------------------------------

    def _about_printer(self) -> dict[str, Callable[..., Awaitable[object]]]:
        return {
            "printer.info": self._printer_info,
            "printer.objects.list": self._objects,
            "printer.objects.query": self._query,
            "printer.objects.subscribe": self._subscribe,
            "printer.gcode.script": self._script,
            "printer.gcode.help": self._help,
            "printer.print.start": self._start,
            "printer.print.pause": lambda _params, _c: self._run("PAUSE"),
            "printer.print.resume": lambda _params, _c: self._run("RESUME"),
            "printer.print.cancel": lambda _params, _c: self._run("CANCEL_PRINT"),
            "printer.emergency_stop": self._stop,
            "printer.restart": lambda _params, _c: self._restart(),
            "printer.firmware_restart": lambda _params, _c: self._restart(),
        }

    def _require(self) -> None:
        if self._klipper.state == "disconnected":
            raise RpcError(503, "Klippy Host not connected")

    async def _printer_info(self, _params: Json, _connection: object) -> Json:
        self._require()
        return self._klipper.info()

    async def _objects(self, _params: Json, _connection: object) -> Json:
        self._require()
        return {"objects": self._klipper.objects_list()}

    async def _query(self, params: Json, _connection: object) -> Json:
        self._require()
        return self._klipper.query(_wanted(params))

    async def _subscribe(self, params: Json, connection: Connection | None) -> Json:
        self._require()
        wanted = _wanted(params)
        answer = self._klipper.query(wanted)
        if connection is not None:
            connection.subscribe(wanted, answer["status"])
        return answer

    async def _help(self, _params: Json, _connection: object) -> dict[str, str]:
        self._require()
        return self._klipper.gcode_help()

    async def _script(self, params: Json, _connection: object) -> str:
        return await self._run(str(params.get("script", "")))

    async def _start(self, params: Json, _connection: object) -> str:
        name = str(params.get("filename", ""))
        return await self._run(f'SDCARD_PRINT_FILE FILENAME="{name}"')

    async def _run(self, gcode: str) -> str:
        self._require()
        async with self._queue_of_gcode:
            try:
                script = self._klipper.run(gcode)
            except CommandError as err:
                raise RpcError(400, str(err)) from err
            while not script.done:
                await asyncio.sleep(0.005)
                if self._klipper.state == "disconnected":
                    raise RpcError(503, "Klippy Disconnected")
        return "ok"

    async def _stop(self, _params: Json, _connection: object) -> str:
        self._require()
        self._klipper.emergency_stop()
        return "ok"

    async def _restart(self) -> str:
        self._require()
        self._klipper.restart()
        return "ok"

    # -- files -------------------------------------------------------------------------------

    def _about_files(self) -> dict[str, Callable[..., Awaitable[object]]]:
        return {
            "server.files.roots": self._roots,
            "server.files.list": self._list,
            "server.files.get_directory": self._directory,
            "server.files.metadata": self._metadata,
            "server.files.delete_file": self._delete,
            "server.files.move": self._move,
        }

    async def _roots(self, _params: Json, _connection: object) -> list[Json]:
        return self._server.shelf.roots()

    async def _list(self, _params: Json, _connection: object) -> list[Json]:
        return self._server.shelf.listing()

    async def _directory(self, params: Json, _connection: object) -> Json:
        path = str(params.get("path", GCODES))
        try:
            return self._server.shelf.directory(path, extended=bool(params.get("extended")))
        except Missing as err:
            raise RpcError(400, f"Directory does not exist ({path})") from err

    async def _metadata(self, params: Json, _connection: object) -> Json:
        return self._server.shelf.metadata(str(params.get("filename", "")))

    async def _delete(self, params: Json, _connection: object) -> Json:
        path = str(params.get("path", ""))
        root, _, name = path.partition("/")
        if self._server.shelf.content(root, name) is None:
            raise RpcError(400, f"Invalid file path: {path}")
        if root != GCODES:
            del self._server.shelf.others[root][name]
        else:
            try:
                self._server.machine.remove(f"/{name}")
            except Refused as err:
                raise RpcError(403, "File currently in use") from err
        item = {"modified": 0, "size": 0, "permissions": "", "path": name, "root": root}
        return self._server.file_changed("delete_file", item)

    async def _move(self, params: Json, _connection: object) -> Json:
        source, goal = (str(params.get(key, "")).partition("/")[2] for key in ("source", "dest"))
        run = self._server.machine.run
        if run is not None and run.path == f"/{source}" and self._server.machine.in_job:
            raise RpcError(403, "File currently in use")
        try:
            item = self._server.shelf.move(source, goal)
        except Missing as err:
            raise RpcError(400, f"File {source} does not exist") from err
        return self._server.file_changed("move_file", item)


def _wanted(params: Json) -> dict[str, list[str] | None]:
    wanted = params.get("objects")
    if not isinstance(wanted, dict):
        raise RpcError(-32602, "No data for argument: objects")
    return wanted


COMPONENTS: Final = (
    "secrets", "klippy_connection", "websockets", "database", "file_manager", "authorization",
    "klippy_apis", "machine", "data_store", "proc_stats", "job_state", "job_queue", "history",
    "webcam", "extensions", "octoprint_compat", "power", "update_manager", "spoolman",
)  # fmt: skip
