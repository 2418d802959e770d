"""Actions: what people and automations ask of printers.

Every action takes one printer or several and asks all of them at the same time. With one it
fails as that printer does. With several, all are done before anything is said: when a response
is wanted it tells each result, and the action fails only if every printer did; without a
response any failure fails the action, and the error names the printers.

What there is to ask for stands in `printer_actions.py` and `file_actions.py`.
"""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.auth.permissions.const import CAT_ENTITIES
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import callback
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
    UnknownUser,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_device_and_config_entry

from .action import Request
from .const import CONF_KIND, DOMAIN, KIND_SHOP
from .file_actions import FILE_ACTIONS
from .permissions import async_denied
from .printer_actions import PRINTER_ACTIONS
from .targets import async_called

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse

    from .action import Action, Facts
    from .coordinator import PrinterCoordinator

MOST_PRINTERS: Final = 1_000

ACTIONS: Final[Mapping[str, Action]] = {**PRINTER_ACTIONS, **FILE_ACTIONS}


def schema_of(action: Action) -> vol.Schema | vol.All:
    """Return what a call of this action looks like."""
    printers = vol.All(cv.ensure_list, [cv.string], vol.Length(min=1, max=MOST_PRINTERS))
    schema = vol.Schema({vol.Required(ATTR_DEVICE_ID): printers, **action.fields})
    return schema if action.check is None else vol.All(schema, action.check)


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
    facts: Facts = None
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
    if action.admin_fn(call.data):
        raise Unauthorized(context=call.context, user_id=user_id, permission=action.permission)
    for coordinator in coordinators:
        entry_id = coordinator.config_entry.entry_id
        if entity_id := async_denied(call.hass, user, entry_id, action.permission):
            raise Unauthorized(
                context=call.context,
                user_id=user_id,
                entity_id=entity_id,
                permission=action.permission,
                perm_category=CAT_ENTITIES,
            )


async def _do(action: Action, call: ServiceCall, coordinator: PrinterCoordinator) -> _Result:
    request = Request(
        hass=call.hass, coordinator=coordinator, data=call.data, by=call.context.user_id
    )
    try:
        facts = await action.deed(request)
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
