"""Triggers for automations: what happens to a job, a printer that has become free, uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, override

import voluptuous as vol
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)

from .announce import EVENT_FREE
from .const import EVENT_JOB, EVENT_UPLOAD
from .engine.job import CLOSING, JobEventKind
from .targets import EVERYTHING, async_is_meant
from .uploads import UploadKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant
    from homeassistant.helpers.typing import ConfigType


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """What a trigger waits for on the bus."""

    event_type: str = EVENT_JOB
    kinds: frozenset[str] = frozenset(JobEventKind)
    subject: str = "job"
    """Where the event says what it is about."""


def _job(*kinds: JobEventKind) -> Occasion:
    return Occasion(kinds=frozenset(kinds))


def _upload(kind: UploadKind) -> Occasion:
    return Occasion(event_type=EVENT_UPLOAD, kinds=frozenset({kind}), subject="upload")


OCCASIONS: Final[Mapping[str, Occasion]] = {
    "job_started": _job(JobEventKind.STARTED),
    "job_paused": _job(JobEventKind.PAUSED),
    "job_needs_attention": _job(JobEventKind.ATTENTION),
    "job_finished": _job(JobEventKind.FINISHED),
    "job_failed": _job(JobEventKind.FAILED),
    "job_cancelled": _job(JobEventKind.CANCELLED),
    "job_ended": Occasion(kinds=CLOSING),
    "printer_free": Occasion(event_type=EVENT_FREE),
    "upload_finished": _upload(UploadKind.FINISHED),
    "upload_failed": _upload(UploadKind.FAILED),
}
"""Every trigger, by its key in automations; the device triggers are the same."""

_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(CONF_TARGET): cv.TARGET_FIELDS,
        vol.Optional(CONF_OPTIONS): vol.Schema({}),
    }
)


@callback
def async_listen(
    hass: HomeAssistant,
    occasion: Occasion,
    target: Mapping[str, Any],
    tell: Callable[[Event[dict[str, Any]]], None],
) -> CALLBACK_TYPE:
    """Call `tell` on every such occasion of the printers meant; returns how to stop."""

    @callback
    def hear(event: Event[dict[str, Any]]) -> None:
        facts = event.data
        # Anybody may fire this event by hand, with anything in it.
        if str(facts.get("kind")) not in occasion.kinds:
            return
        if not isinstance(facts.get(occasion.subject), dict):
            return
        if async_is_meant(hass, facts.get("device_id"), target):
            tell(event)

    return hass.bus.async_listen(occasion.event_type, hear)


def describe(event: Event[dict[str, Any]]) -> str:
    """Say in a few words what happened, for traces."""
    if event.event_type == EVENT_UPLOAD:
        name = event.data["upload"].get("name") or "a file"
        return f"upload of {name} to {event.data.get('printer')}: {event.data.get('kind')}"
    name = event.data["job"].get("name") or "a job"
    if event.event_type == EVENT_FREE:
        return f"{event.data.get('printer')} is free after {name}"
    return f"{name} on {event.data.get('printer')}: {event.data.get('kind')}"


class JobTrigger(Trigger):
    """Waits for one kind of occasion."""

    occasion: ClassVar[Occasion]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration, checked. Raises vol.Invalid."""
        checked: ConfigType = _SCHEMA(config)
        return checked

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        super().__init__(hass, config)
        self._target = config.target or EVERYTHING

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run the action on every occasion, with the event's facts as trigger variables."""

        @callback
        def tell(event: Event[dict[str, Any]]) -> None:
            run_action(dict(event.data), describe(event), event.context)

        return async_listen(self._hass, self.occasion, self._target, tell)


TRIGGERS: Final[dict[str, type[Trigger]]] = {
    key: type(f"JobTrigger_{key}", (JobTrigger,), {"occasion": occasion})
    for key, occasion in OCCASIONS.items()
}


async def async_get_triggers(_: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers of Printernizer."""
    return TRIGGERS
