"""What every way to add or change a printer ends in: it is asked before anything is stored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_URL

from .addresses import host_of
from .const import CONF_FINGERPRINT, CONF_KIND, CONF_LOGIN, DOMAIN
from .engine.drivers.registry import PrinterKind
from .forms import KEYS, as_typed, learnt, schema_of, settings_of, title_of
from .issues import readable
from .probe import Found, async_probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from homeassistant.config_entries import ConfigEntry

    from .engine.drivers.discovery import Announcement

_ADDRESS: Final = (CONF_HOST, CONF_PORT, CONF_URL)


class PrinterFlow(ConfigFlow):
    """The steps that all kinds of printers share. Each kind adds its own in a class below this."""

    def __init__(self) -> None:
        self._suggested: dict[str, Any] = {}
        """What is known before the user has typed anything."""
        self._heard: list[Announcement] = []
        """Bambu printers that announced themselves."""
        self._pending: dict[str, Any] = {}
        """Settings that the printer has not accepted yet: a key may be missing."""
        self._unsure: dict[str, Any] | None = None
        """Settings with a certificate that the user has not yet agreed to."""
        self._resume: Callable[[dict[str, Any]], Awaitable[ConfigFlowResult]] | None = None
        """Where to go on once the user has."""

    async def _ask(
        self,
        step: str,
        kind: PrinterKind,
        typed: Mapping[str, Any] | None,
        entry: ConfigEntry | None = None,
    ) -> ConfigFlowResult:
        """Show the form of a step, or try what was typed into it."""
        if typed is None:
            return self._form(step, kind, dict(entry.data) if entry else self._suggested)
        settings = {**(entry.data if entry else self._suggested), **settings_of(kind, typed)}
        settings.pop(CONF_LOGIN, None)  # a new key may be of the other kind
        if CONF_HOST in typed and CONF_PORT not in settings_of(kind, typed):
            settings.pop(CONF_PORT, None)
        return await self._try(step, settings)

    async def _try(self, step: str, settings: dict[str, Any]) -> ConfigFlowResult:
        """Ask the printer and end the flow, or show a form again that says what is wrong."""
        found = await async_probe(self.hass, settings)
        if isinstance(found, Found):
            return await self._take(settings, found)
        self._pending = settings
        if found.fingerprint is not None:
            return self._ask_for_trust(settings, found.fingerprint, partial(self._try, step))
        return self._form(step, PrinterKind(settings[CONF_KIND]), settings, dict(found.errors))

    async def _take(self, settings: dict[str, Any], found: Found) -> ConfigFlowResult:
        identity = found.identity
        data = learnt(settings, identity)
        await self.async_set_unique_id(identity.serial, raise_on_progress=False)
        if self.source in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            self._abort_if_unique_id_mismatch(reason="wrong_printer")
            return self.async_update_reload_and_abort(self._known_entry(), data=data)
        known = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, identity.serial)
        # One that is followed through another integration keeps away from addresses.
        same = known is not None and known.data[CONF_KIND] == data[CONF_KIND]
        self._abort_if_unique_id_configured(
            updates={key: data[key] for key in _ADDRESS if key in data} if same else None
        )
        return self.async_create_entry(title=title_of(settings, identity), data=data)

    def _known_entry(self) -> ConfigEntry:
        """Return the entry whose key or address is being changed."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry()

    # -- certificates ------------------------------------------------------------------------

    def _ask_for_trust(
        self,
        settings: dict[str, Any],
        fingerprint: str,
        resume: Callable[[dict[str, Any]], Awaitable[ConfigFlowResult]],
    ) -> ConfigFlowResult:
        """Show a certificate; go on with `resume` once the user has agreed to it."""
        self._unsure, self._resume = {**settings, CONF_FINGERPRINT: fingerprint}, resume
        return self._show_trust(settings.get(CONF_FINGERPRINT), fingerprint)

    def _show_trust(self, old: str | None, fingerprint: str) -> ConfigFlowResult:
        assert self._unsure is not None
        return self.async_show_form(
            step_id="trust" if old else "trust_first",
            data_schema=vol.Schema({}),
            description_placeholders={
                "old": readable(old),
                "new": readable(fingerprint),
                "url": str(self._unsure.get(CONF_URL, "")),
            },
        )

    async def async_step_trust(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with the certificate that the user has now agreed to."""
        assert self._unsure is not None
        assert self._resume is not None
        if user_input is None:
            old = self._known_entry().data.get(CONF_FINGERPRINT)
            return self._show_trust(old, self._unsure[CONF_FINGERPRINT])
        return await self._resume(self._unsure)

    async def async_step_trust_first(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Go on with a certificate that no authority vouches for: the user does."""
        assert self._unsure is not None
        assert self._resume is not None
        if user_input is None:
            return self._show_trust(None, self._unsure[CONF_FINGERPRINT])
        return await self._resume(self._unsure)

    # -- forms -------------------------------------------------------------------------------

    def _form(
        self,
        step: str,
        kind: PrinterKind,
        settings: Mapping[str, Any],
        errors: dict[str, str] | None = None,
        **more: str,
    ) -> ConfigFlowResult:
        """Show the form of a step. `more` fills its texts."""
        schema = schema_of(step, kind)
        if any(field != "base" and field not in schema.schema for field in errors or ()):
            # The key is wrong, and this form has no field for it.
            step, schema = f"{kind}_key", KEYS[kind]
        url = str(settings.get(CONF_URL, ""))
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, as_typed(settings)),
            errors=errors,
            description_placeholders={
                "name": str(self.context.get("title_placeholders", {}).get("name", "")),
                "host": host_of(settings) or "",
                "url": url,
                "tried": url,
                "what": "",
                **more,
            },
        )
