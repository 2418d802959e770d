"""Actions on files: seen, fetched, sent, printed and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from . import fields
from .action import Action, wish
from .downloads import async_download, async_folder
from .ha_errors import told_to_the_user
from .local_files import async_local_file
from .permissions import of_the_machine
from .stock_facts import shortage_facts
from .targets import async_called

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .action import Facts, Request
    from .engine.drivers.base import RemoteFile
    from .engine.start import Started
    from .engine.workshop.stock import Stock

MOST_FILES: Final = 2_000
"""Files in one answer: what a folder holds beyond that is not for an automation."""


async def _list_files(request: Request) -> Facts:
    path = request.data["path"]
    with told_to_the_user():
        files = await request.shop.list_files(request.printer, path)
    return {
        "path": path,
        "files": [_file_facts(file) for file in files[:MOST_FILES]],
        "truncated": len(files) > MOST_FILES,
    }


def _file_facts(file: RemoteFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "name": file.name,
        "size": file.size,
        "modified": file.modified.isoformat() if file.modified else None,
        "folder": file.folder,
        "printable": file.printable,
    }


async def _download_file(request: Request) -> Facts:
    hass, printer, data = request.hass, request.coordinator, request.data
    folder = await async_folder(hass, async_called(printer), data.get("folder"))
    done = await async_download(hass, printer, data["path"], folder, overwrite=data["overwrite"])
    return {"path": str(done.path), "size": done.size, "sha256": done.sha256}


async def _move_file(request: Request) -> Facts:
    data = request.data
    with told_to_the_user():
        moved = await request.shop.move_file(
            request.printer, data["path"], data["to"], replace=data["replace"]
        )
    return {"path": moved}


async def _upload_file(request: Request) -> Facts:
    data = request.data
    source = await async_local_file(request.hass, data["source"])
    with told_to_the_user():
        done = await request.shop.upload(
            request.printer,
            source,
            data.get("path"),
            replace=data["replace"],
            override=data["override"],
            by=request.by,
        )
    return {"path": done.path, "size": done.total_bytes, "attempts": done.attempt}


async def _print_file(request: Request) -> Facts:
    data = request.data
    source = await async_local_file(request.hass, data["source"])
    with told_to_the_user():
        return start_facts(
            request.shop.stock,
            await request.shop.print_file(
                request.printer,
                source,
                path=data.get("path"),
                plate=data.get("plate"),
                slots=data["slots"],
                replace=data["replace"],
                override=data["override"],
                by=request.by,
            ),
        )


async def _start_print(request: Request) -> Facts:
    data = request.data
    with told_to_the_user():
        return start_facts(
            request.shop.stock,
            await request.shop.start(
                request.printer,
                data["path"],
                plate=data.get("plate"),
                slots=data["slots"],
                override=data["override"],
                by=request.by,
            ),
        )


def start_facts(stock: Stock, started: Started) -> dict[str, Any]:
    """Return how a print began."""
    return {
        "path": started.path,
        "plate": started.plate,
        "attempts": started.attempts,
        "overridden": list(started.overridden),
        "short": [shortage_facts(stock, shortage) for shortage in started.short],
    }


def _overrides(data: Mapping[str, Any]) -> bool:
    """Whether a person takes the responsibility for a file that does not fit the printer."""
    return bool(data["override"])


def _reaches_in(data: Mapping[str, Any]) -> bool:
    """Whether it touches the machine's own configuration: that is as good as G-code."""
    return any(of_the_machine(data.get(key) or "") for key in ("path", "to"))


def _sends(data: Mapping[str, Any]) -> bool:
    return _overrides(data) or _reaches_in(data)


_SOURCE: Final = {
    vol.Required("source"): fields.source,
    vol.Optional("path"): fields.remote_path,
    vol.Optional("replace", default=False): cv.boolean,
    vol.Optional("override", default=False): cv.boolean,
}
_START: Final = {
    vol.Optional("plate"): fields.PLATE,
    vol.Optional("slots", default=list): fields.slots,
    vol.Optional("override", default=False): cv.boolean,
}

FILE_ACTIONS: Final[Mapping[str, Action]] = {
    "list_files": Action(
        deed=_list_files,
        fields={vol.Optional("path", default="/"): fields.remote_path},
        response=SupportsResponse.ONLY,
        permission=POLICY_READ,
    ),
    "download_file": Action(
        deed=_download_file,
        fields={
            vol.Required("path"): fields.remote_path,
            vol.Optional("folder"): cv.string,
            vol.Optional("overwrite", default=False): cv.boolean,
        },
        admin_fn=_reaches_in,
    ),
    "upload_file": Action(deed=_upload_file, fields=_SOURCE, admin_fn=_sends),
    "cancel_upload": Action(
        deed=wish(lambda ask: ask.shop.uploads.cancel(ask.printer)),
        fields={},
    ),
    "move_file": Action(
        deed=_move_file,
        fields={
            vol.Required("path"): fields.remote_path,
            vol.Required("to"): fields.remote_path,
            vol.Optional("replace", default=False): cv.boolean,
        },
        admin_fn=_reaches_in,
    ),
    "delete_file": Action(
        deed=wish(lambda ask: ask.shop.delete_file(ask.printer, ask.data["path"])),
        fields={vol.Required("path"): fields.remote_path},
        admin_fn=_reaches_in,
    ),
    "print_file": Action(deed=_print_file, fields={**_SOURCE, **_START}, admin_fn=_sends),
    "start_print": Action(
        deed=_start_print,
        fields={vol.Required("path"): fields.remote_path, **_START},
        admin_fn=_overrides,
    ),
}
