"""The shop's own settings, section by section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import voluptuous as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from .const import CONF_DATABASE_URL
from .engine.errors import NotAllowed, StoreError
from .engine.numbering import document_number
from .runtime import async_try_database
from .shop_sections import sections, shown_on
from .shop_settings import shop_settings
from .slicer_options import SENDER_ERRORS, SlicerOptions
from .watched_options import FOLDER_ERRORS, async_wrong_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

DATABASE = vol.Schema(
    {
        vol.Optional(CONF_DATABASE_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.TEXT, autocomplete="off")
        )
    }
)
STORE_ERRORS: Final = frozenset({"store_failed", "store_newer", "store_broken", "disk_full"})
FIELD_ERRORS: Final = frozenset(
    {
        "too_long",
        "no_number",
        "no_iban",
        "no_country",
        "no_web_address",
        "margin_too_high",
        "unreadable",
    }
)
ERRORS: Final = STORE_ERRORS | FIELD_ERRORS | SENDER_ERRORS | FOLDER_ERRORS
LONGEST: Final = 2_000
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")

type _Step = Callable[
    [ShopOptionsFlow, dict[str, Any] | None], Coroutine[Any, Any, ConfigFlowResult]
]


def _section(key: str) -> _Step:
    """Return the step that asks for one section."""

    async def step(
        flow: ShopOptionsFlow, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        return await flow.async_ask(key, user_input)

    return step


class ShopOptionsFlow(SlicerOptions):
    """Where the ledger is kept, and everything that money and papers need."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the sections."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["database", *sections(self.hass.config.currency), "slicers"],
        )

    async def async_step_database(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the URL of a database; none means the file in the configuration folder."""
        errors: dict[str, str] = {}
        typed = dict(self.config_entry.options)
        reason = ""
        if user_input is not None:
            url = user_input.get(CONF_DATABASE_URL, "").strip()
            typed.pop(CONF_DATABASE_URL, None)
            if url:
                typed[CONF_DATABASE_URL] = url
            try:
                if url:
                    await async_try_database(self.hass, url)
            except StoreError as err:
                errors[CONF_DATABASE_URL] = err.key if err.key in STORE_ERRORS else "store_failed"
                reason = err.reason
            else:
                return self.async_create_entry(data=typed)
        return self.async_show_form(
            step_id="database",
            data_schema=self.add_suggested_values_to_schema(DATABASE, typed),
            errors=errors,
            description_placeholders={
                "reason": reason,
                "example": "postgresql://user:password@host/printernizer",
            },
        )

    async_step_company = _section("company")
    async_step_tax = _section("tax")
    async_step_costs = _section("costs")
    async_step_prices = _section("prices")
    async_step_energy = _section("energy")
    async_step_stock = _section("stock")
    async_step_documents = _section("documents")
    async_step_assignment = _section("assignment")
    async_step_library = _section("library")
    async_step_watched = _section("watched")
    async_step_retention = _section("retention")

    async def async_ask(self, key: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Ask for one section; what is left empty has its default."""
        options = dict(self.config_entry.options)
        errors: dict[str, str] = {}
        typed: Mapping[str, Any] = options.get(key, {})
        if user_input is not None:
            typed = {name: said for name, said in user_input.items() if said not in ("", None, [])}
            errors = _wrong(typed)
            if wrong := await async_wrong_folders(self.hass, typed):
                errors["folders"] = wrong
            if not errors:
                options[key] = typed
                try:
                    shop_settings(self.hass, options)
                except ValueError, KeyError, ArithmeticError:
                    errors["base"] = "unreadable"
            if not errors:
                return self.async_create_entry(data=options)
        fields = sections(self.hass.config.currency)[key]
        schema = vol.Schema({vol.Optional(name): fields[name] for name in fields})
        return self.async_show_form(
            step_id=key,
            data_schema=self.add_suggested_values_to_schema(schema, {**shown_on(key), **typed}),
            errors=errors,
            description_placeholders={"number": "{number:04d}", "year": "{year}"},
        )


def _wrong(typed: Mapping[str, Any]) -> dict[str, str]:
    """Return what cannot be, by field."""
    errors = {
        name: "too_long"
        for name, said in typed.items()
        if isinstance(said, str) and len(said) > LONGEST
    }
    for name, said in typed.items():
        if name.endswith("_pattern") and not _numbers(said):
            errors[name] = "no_number"
    if (iban := typed.get("iban")) and not _is_iban(iban):
        errors["iban"] = "no_iban"
    if (country := typed.get("country")) and not re.fullmatch(r"[A-Z]{2}", country):
        errors["country"] = "no_country"
    if (url := typed.get("spoolman_url")) and not _is_web_address(url):
        errors["spoolman_url"] = "no_web_address"
    if typed.get("surcharge") == "margin" and typed.get("percent", 0) >= 100:
        errors["percent"] = "margin_too_high"
    return errors


def _numbers(pattern: str) -> bool:
    """Whether documents can be numbered by a pattern: asked of what will do it."""
    try:
        document_number(pattern, year=2026, number=1)
    except NotAllowed:
        return False
    return True


def _is_iban(typed: str) -> bool:
    """Whether its check digits fit (ISO 13616: 97 over letters as numbers)."""
    iban = typed.replace(" ", "").upper()
    if not _IBAN.fullmatch(iban):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _is_web_address(typed: str) -> bool:
    try:
        parts = urlsplit(typed.strip())
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
