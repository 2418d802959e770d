"""How an OctoPrint is added: the user confirms in OctoPrint itself, or types an API key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import CONF_FINGERPRINT
from .engine.drivers.octoprint.app_keys import ask, offered, poll
from .engine.drivers.registry import PrinterKind
from .engine.errors import AccessDenied, DriverError, Unreachable
from .probe import NotFound, async_find_server
from .server_flow import ServerFlow

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult

    from .engine.drivers.octoprint.app_keys import Handshake
    from .engine.drivers.recognition import Server

APP: Final = "Printernizer"
"""What OctoPrint's dialogue and its list of keys call us."""
POLL_S: Final = 1.0
"""OctoPrint drops a request that nobody has asked about for five seconds."""
STRIKES: Final = 4
"""Failed polls in a row that may be the line's fault; after more the request is gone anyway."""
GIVE_UP_S: Final = 600.0
"""OctoPrint keeps a request for ten minutes."""
_WAYS: Final = ["octoprint_confirm", "octoprint_key"]


class OctoPrintFlow(ServerFlow):
    """The steps of an OctoPrint."""

    _handshake: Handshake | None = None
    _waiting: asyncio.Task[str] | None = None
    _key: str = ""

    async def async_step_octoprint(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address."""
        kind = PrinterKind.OCTOPRINT
        return await self._ask_server("octoprint", kind, user_input, self._octoprint_found)

    async def async_step_reconfigure_octoprint(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new address; the key stays for as long as it is accepted."""
        entry = self._get_reconfigure_entry()
        return await self._ask_server(
            "reconfigure_octoprint",
            PrinterKind.OCTOPRINT,
            user_input,
            self._octoprint_found,
            entry,
        )

    async def async_step_reauth_octoprint(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new key; the address stays."""
        return await self._octoprint_access("reauth_octoprint", dict(self._get_reauth_entry().data))

    async def async_step_octoprint_access(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how we are to be let in."""
        return self._ways("octoprint_access")

    async def _octoprint_found(
        self, step: str, settings: dict[str, Any], server: Server
    ) -> ConfigFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            return await self._try(step, settings)
        self._async_abort_entries_match({CONF_URL: server.url})
        return await self._octoprint_access("octoprint_access", settings)

    async def _octoprint_access(self, step: str, settings: dict[str, Any]) -> ConfigFlowResult:
        """Offer the dialogue where there is one, else ask for a key."""
        self._pending = settings
        try:
            dialogue = await offered(
                settings[CONF_URL],
                async_get_clientsession(self.hass),
                fingerprint=settings.get(CONF_FINGERPRINT),
            )
        except DriverError:
            dialogue = False  # what is wrong is told when the key is tried
        if dialogue:
            return self._ways(step)
        return self._form("octoprint_key", PrinterKind.OCTOPRINT, settings)

    def _ways(self, step: str) -> ConfigFlowResult:
        return self.async_show_menu(
            step_id=step,
            menu_options=_WAYS,
            description_placeholders={
                "name": str(self.context.get("title_placeholders", {}).get("name", "")),
                "url": self._pending[CONF_URL],
            },
        )

    # -- an API key --------------------------------------------------------------------------

    async def async_step_octoprint_key(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for an API key."""
        if user_input is None:
            return self._form("octoprint_key", PrinterKind.OCTOPRINT, self._pending)
        key = user_input[CONF_API_KEY].strip()
        return await self._try("octoprint_key", {**self._pending, CONF_API_KEY: key})

    # -- confirmed in OctoPrint --------------------------------------------------------------

    async def async_step_octoprint_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask OctoPrint to ask its user, and wait for the answer."""
        if self._waiting is None:
            try:
                self._handshake = await self._request_key()
            except DriverError:
                return await self._no_dialogue()
            self._waiting = self.hass.async_create_task(self._wait_for_key(self._handshake))
            return self._progress(self._waiting)
        if not self._waiting.done():
            return self._progress(self._waiting)
        waiting, self._waiting, self._handshake = self._waiting, None, None
        try:
            self._key = waiting.result()
        except AccessDenied:
            return self.async_show_progress_done(next_step_id="octoprint_denied")
        except DriverError:
            return self.async_show_progress_done(next_step_id="octoprint_lost")
        return self.async_show_progress_done(next_step_id="octoprint_confirmed")

    async def async_step_octoprint_confirmed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Go on with the key that OctoPrint made for us."""
        return await self._try("octoprint_key", {**self._pending, CONF_API_KEY: self._key})

    async def async_step_octoprint_denied(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer both ways again after a "no", or after nobody answered."""
        return self._ways("octoprint_denied")

    async def async_step_octoprint_lost(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer both ways again after OctoPrint went away in between."""
        return self._ways("octoprint_lost")

    async def _no_dialogue(self) -> ConfigFlowResult:
        """Ask for a key instead, and say whether OctoPrint is away or will not be asked."""
        kind, url = PrinterKind.OCTOPRINT, self._pending[CONF_URL]
        pinned = self._pending.get(CONF_FINGERPRINT)
        there = await async_find_server(self.hass, [url], kind, fingerprint=pinned)
        errors = dict(there.errors) if isinstance(there, NotFound) else {"base": "no_dialogue"}
        return self._form("octoprint_key", kind, self._pending, errors)

    def _progress(self, waiting: asyncio.Task[str]) -> ConfigFlowResult:
        return self.async_show_progress(
            step_id="octoprint_confirm",
            progress_action="octoprint_confirm",
            description_placeholders={"link": self._link(), "app": APP},
            progress_task=waiting,
        )

    def _link(self) -> str:
        """Return where to confirm; servers that name no dialogue ask on any of their pages."""
        base: str = self._pending[CONF_URL]
        assert self._handshake is not None
        return self._handshake.dialogue_url or base

    async def _request_key(self) -> Handshake:
        return await ask(
            self._pending[CONF_URL],
            async_get_clientsession(self.hass),
            APP,
            fingerprint=self._pending.get(CONF_FINGERPRINT),
        )

    async def _wait_for_key(self, handshake: Handshake) -> str:
        """Return the key once the user has confirmed. Raises AccessDenied and Unreachable."""
        session = async_get_clientsession(self.hass)
        strikes = 0
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while True:
                    try:
                        key: str | None = await poll(handshake, session)
                        if key is not None:
                            return key
                        strikes = 0
                    except Unreachable:
                        strikes += 1
                        if strikes > STRIKES:
                            raise
                    await asyncio.sleep(POLL_S)
        except TimeoutError as err:
            raise AccessDenied("nobody confirmed in time") from err
