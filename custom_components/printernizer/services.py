"""Actions: what people and automations ask of printers.

Every action takes one printer or several and asks all of them at the same time. With one it
fails as that printer does. With several, all are done before anything is said: when a response
is wanted it tells each result, and the action fails only if every printer did; without a
response any failure fails the action, and the error names the printers.
"""

from __future__ import annotations

import asyncio
import functools
import math
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import homeassistant.helpers.entity_registry as er
import voluptuous as vol
from homeassistant.auth.permissions.const import CAT_ENTITIES, POLICY_CONTROL, POLICY_READ
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse, callback
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
    UnknownUser,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_device_and_config_entry

from .const import CONF_KIND, DOMAIN, KIND_SHOP
from .downloads import async_download, async_folder
from .ha_errors import told_to_the_user
from .targets import async_called

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse

    from .coordinator import PrinterCoordinator
    from .engine.drivers.base import RemoteFile
    from .engine.workshop.workshop import Workshop

LONGEST_GCODE: Final = 10_000
LONGEST_PATH: Final = 1_024
MOST_FILES: Final = 2_000
"""Files in one answer: what a folder holds beyond that is not for an automation."""
HOTTEST_C: Final = 500.0
"""No printer we know heats further; the printer itself knows its own limit."""

type Deed = Callable[[HomeAssistant, PrinterCoordinator, Mapping[str, Any]], Awaitable[_Facts]]
type _Facts = dict[str, Any] | None


# -- what may be asked -----------------------------------------------------------------------


def remote_path(value: object) -> str:
    """Return a path on a printer, from its root with a leading slash. Raises vol.Invalid."""
    text = cv.string(value)
    if not text.strip() or len(text) > LONGEST_PATH or not text.isprintable():
        raise vol.Invalid("not a path on a printer")
    if ".." in PurePosixPath(text).parts:
        raise vol.Invalid("a path on a printer does not go up")
    return text if text.startswith("/") else f"/{text}"


def gcode_lines(value: object) -> str:
    """Return G-code as text, one command a line. Raises vol.Invalid."""
    text = "\n".join(value) if isinstance(value, list) else cv.string(value)
    if not text.strip() or len(text) > LONGEST_GCODE:
        raise vol.Invalid(f"needs 1 to {LONGEST_GCODE} characters of G-code")
    if not all(char.isprintable() or char in "\n\r\t" for char in text):
        raise vol.Invalid("G-code is plain text")
    return text


def target_celsius(value: object) -> float:
    """Return a target temperature; 0 switches a heater off. Raises vol.Invalid."""
    celsius: float = vol.Coerce(float)(value)
    if not math.isfinite(celsius) or not 0 <= celsius <= HOTTEST_C:
        raise vol.Invalid(f"needs 0 to {HOTTEST_C:.0f} degrees Celsius")
    return celsius


# -- what is done ----------------------------------------------------------------------------


def _wish(ask: Callable[[Workshop, str, Mapping[str, Any]], Awaitable[None]]) -> Deed:
    """Return a deed that asks the workshop for something and has nothing to tell."""

    async def do(
        _: HomeAssistant, coordinator: PrinterCoordinator, data: Mapping[str, Any]
    ) -> None:
        with told_to_the_user():
            await ask(coordinator.workshop, coordinator.printer_id, data)

    return do


async def _list_files(
    _: HomeAssistant, coordinator: PrinterCoordinator, data: Mapping[str, Any]
) -> _Facts:
    with told_to_the_user():
        files = await coordinator.workshop.list_files(coordinator.printer_id, data["path"])
    return {
        "path": data["path"],
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


async def _download_file(
    hass: HomeAssistant, coordinator: PrinterCoordinator, data: Mapping[str, Any]
) -> _Facts:
    folder = await async_folder(hass, async_called(coordinator), data.get("folder"))
    done = await async_download(
        hass, coordinator, data["path"], folder, overwrite=data["overwrite"]
    )
    return {"path": str(done.path), "size": done.size, "sha256": done.sha256}


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One action: its fields beside the printers, what it does, and who may ask for it."""

    deed: Deed
    fields: Mapping[Any, Any]
    response: SupportsResponse = SupportsResponse.OPTIONAL
    permission: str = POLICY_CONTROL
    admin: bool = False


ACTIONS: Final[Mapping[str, Action]] = {
    "pause": Action(deed=_wish(lambda shop, printer, _: shop.pause(printer)), fields={}),
    "resume": Action(deed=_wish(lambda shop, printer, _: shop.resume(printer)), fields={}),
    "cancel": Action(deed=_wish(lambda shop, printer, _: shop.cancel(printer)), fields={}),
    "start_print": Action(
        deed=_wish(
            lambda shop, printer, data: shop.start(printer, data["path"], plate=data.get("plate"))
        ),
        fields={
            vol.Required("path"): remote_path,
            vol.Optional("plate"): vol.All(vol.Coerce(int), vol.Range(1, 100)),
        },
    ),
    "send_gcode": Action(
        deed=_wish(lambda shop, printer, data: shop.send_gcode(printer, data["gcode"])),
        fields={vol.Required("gcode"): gcode_lines},
        # G-code is everything a printer can do, its limits included; entities are what a
        # household may use.
        admin=True,
    ),
    "set_temperature": Action(
        deed=_wish(
            lambda shop, printer, data: shop.set_temperature(
                printer, data["heater"], data["celsius"]
            )
        ),
        fields={
            vol.Required("heater"): vol.All(cv.string, vol.Match(r"^(tool_\d{1,2}|bed|chamber)$")),
            vol.Required("celsius"): target_celsius,
        },
    ),
    "list_files": Action(
        deed=_list_files,
        fields={vol.Optional("path", default="/"): remote_path},
        response=SupportsResponse.ONLY,
        permission=POLICY_READ,
    ),
    "download_file": Action(
        deed=_download_file,
        fields={
            vol.Required("path"): remote_path,
            vol.Optional("folder"): cv.string,
            vol.Optional("overwrite", default=False): cv.boolean,
        },
    ),
}


def schema_of(action: Action) -> vol.Schema:
    """Return what a call of this action looks like."""
    printers = vol.All(cv.ensure_list, [cv.string], vol.Length(min=1))
    return vol.Schema({vol.Required(ATTR_DEVICE_ID): printers, **action.fields})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions, whether or not a printer is loaded."""
    for name, action in ACTIONS.items():
        hass.services.async_register(
            DOMAIN,
            name,
            functools.partial(_run, action),
            schema=schema_of(action),
            supports_response=action.response,
        )


# -- how it is done --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Result:
    coordinator: PrinterCoordinator
    facts: _Facts = None
    error: HomeAssistantError | None = None

    def as_response(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "device_id": self.coordinator.device_id,
            "printer": async_called(self.coordinator),
            "ok": self.error is None,
            **(self.facts or {}),
        }
        if self.error is not None:
            told |= {"error": str(self.error), "error_key": self.error.translation_key}
        return told


async def _run(action: Action, call: ServiceCall) -> ServiceResponse:
    """Carry out a call on every printer it names."""
    coordinators = [
        _coordinator(call.hass, device_id) for device_id in dict.fromkeys(call.data[ATTR_DEVICE_ID])
    ]
    # A printer and its feeder are one printer.
    coordinators = list({each.printer_id: each for each in coordinators}.values())
    await _check_permission(call, action, coordinators)
    outcomes = await asyncio.gather(
        *(_do(action, call, coordinator) for coordinator in coordinators), return_exceptions=True
    )
    results = [outcome for outcome in outcomes if isinstance(outcome, _Result)]
    # A bug with one printer is raised only now: the others must not be left without an owner.
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    _raise_failures(results, partly=not call.return_response)
    if not call.return_response:
        return None
    return {"printers": [result.as_response() for result in results]}


def _coordinator(hass: HomeAssistant, device_id: str) -> PrinterCoordinator:
    """Return the printer of a device. Raises ServiceValidationError, translated."""
    device, entry = async_get_device_and_config_entry(hass, DOMAIN, device_id)
    if entry.data.get(CONF_KIND) == KIND_SHOP:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_a_printer",
            translation_placeholders={"device": device.name_by_user or device.name or device_id},
        )
    coordinator: PrinterCoordinator = entry.runtime_data.coordinator
    return coordinator


async def _check_permission(
    call: ServiceCall, action: Action, coordinators: Iterable[PrinterCoordinator]
) -> None:
    """Let a user do to a printer what they may do to all of its entities.

    Calls without a user come from automations, which only administrators write.
    Raises Unauthorized or UnknownUser.
    """
    if (user_id := call.context.user_id) is None:
        return
    user = await call.hass.auth.async_get_user(user_id)
    if user is None:
        raise UnknownUser(context=call.context, user_id=user_id, permission=action.permission)
    if user.is_admin:
        return
    if action.admin:
        raise Unauthorized(context=call.context, user_id=user_id, permission=action.permission)
    registry = er.async_get(call.hass)
    for coordinator in coordinators:
        entry_id = coordinator.config_entry.entry_id
        for entity in er.async_entries_for_config_entry(registry, entry_id):
            if not user.permissions.check_entity(entity.entity_id, action.permission):
                raise Unauthorized(
                    context=call.context,
                    user_id=user_id,
                    entity_id=entity.entity_id,
                    permission=action.permission,
                    perm_category=CAT_ENTITIES,
                )


async def _do(action: Action, call: ServiceCall, coordinator: PrinterCoordinator) -> _Result:
    try:
        facts = await action.deed(call.hass, coordinator, call.data)
    except HomeAssistantError as err:
        return _Result(coordinator=coordinator, error=err)
    return _Result(coordinator=coordinator, facts=facts)


def _raise_failures(results: list[_Result], *, partly: bool) -> None:
    """Raise what went wrong, if it has to be raised: see the top of this module."""
    failed = [(result, result.error) for result in results if result.error is not None]
    if not failed or (len(failed) < len(results) and not partly):
        return
    first = failed[0][1]
    if len(results) == 1:
        raise first
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="some_printers_failed",
        translation_placeholders={
            "failed": str(len(failed)),
            "asked": str(len(results)),
            "details": "; ".join(
                f"{async_called(result.coordinator)}: {error}" for result, error in failed
            ),
        },
    ) from first
