"""OctoPrint and Moonraker are added by address; what answers is told apart, keys are mended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, DOMAIN
from custom_components.printernizer.engine.drivers import recognition
from custom_components.printernizer.engine.drivers.registry import PrinterKind
from custom_components.printernizer.engine.errors import KEYS, AccessDenied, DriverError, Garbled
from custom_components.printernizer.probe import FORM_ERRORS, form_errors
from tests.print_server import MOONRAKER_ID, OCTOPRINT_ID, PrintServer, certificate, standing_in

DENIED = AccessDenied("no")
_OCTO = "custom_components.printernizer.octoprint_flow"

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")


@pytest.fixture(autouse=True)
def _virtual_printers_behind() -> Iterator[None]:
    with standing_in(), patch(f"{_OCTO}.POLL_S", 0.01):
        yield


@pytest.fixture
async def octoprint() -> AsyncIterator[PrintServer]:
    """Give an OctoPrint that gives out keys."""
    async with PrintServer("octoprint") as server:
        yield server


@pytest.fixture
async def moonraker() -> AsyncIterator[PrintServer]:
    """Give a Moonraker that wants a key."""
    async with PrintServer("moonraker") as server:
        yield server


async def _start(hass: HomeAssistant, kind: str) -> ConfigFlowResult:
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await _choose(hass, menu, kind)


async def _choose(hass: HomeAssistant, menu: ConfigFlowResult, choice: str) -> ConfigFlowResult:
    assert menu["type"] is FlowResultType.MENU
    assert choice in menu["menu_options"]
    return await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": choice})


async def _type(hass: HomeAssistant, form: ConfigFlowResult, **typed: Any) -> ConfigFlowResult:
    assert form["type"] is FlowResultType.FORM
    result = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    await hass.async_block_till_done()
    return result


async def _over(hass: HomeAssistant, progress: ConfigFlowResult) -> ConfigFlowResult:
    """Wait for the end of a progress, as the page does."""
    while progress["type"] is FlowResultType.SHOW_PROGRESS:
        await hass.async_block_till_done()
        progress = await hass.config_entries.flow.async_configure(progress["flow_id"])
    await hass.async_block_till_done()
    return progress


def _known(hass: HomeAssistant, server: PrintServer, **data: Any) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Known",
        unique_id=server.serial,
        data={CONF_KIND: server.kind, "serial": server.serial, "url": server.url, **data},
    )
    entry.add_to_hass(hass)
    return entry


# -- OctoPrint -------------------------------------------------------------------------------


async def test_an_octoprint_is_confirmed_in_octoprint_and_no_key_is_copied(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Forty characters from one browser window to the other are where people give up."""
    form = await _start(hass, "octoprint")
    assert form["step_id"] == "octoprint"
    menu = await _type(hass, form, url=f" {octoprint.address} ")
    # A page that is loaded again asks the flow where it stands.
    menu = await hass.config_entries.flow.async_configure(menu["flow_id"])
    assert menu["step_id"] == "octoprint_access"
    assert menu["description_placeholders"]["url"] == octoprint.url
    progress = await _choose(hass, menu, "octoprint_confirm")
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    assert progress["progress_action"] == "octoprint_confirm"
    link = progress["description_placeholders"]["link"]
    assert link == f"{octoprint.url}/plugin/appkeys/auth/TOKEN123"
    assert octoprint.asked == ["Printernizer"]
    still = await hass.config_entries.flow.async_configure(progress["flow_id"])
    assert still["type"] is FlowResultType.SHOW_PROGRESS
    octoprint.decision = "made-for-us"
    octoprint.keys = {"made-for-us"}
    result = await _over(hass, still)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "127.0.0.1"
    assert result["data"] == {
        CONF_KIND: "octoprint",
        "url": octoprint.url,
        "api_key": "made-for-us",
        "serial": OCTOPRINT_ID,
    }
    assert result["result"].unique_id == OCTOPRINT_ID
    assert result["result"].state is ConfigEntryState.LOADED


async def test_a_denied_request_can_be_made_again_or_replaced_by_a_key(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """A click on the wrong button is not the end."""
    octoprint.decision = "no"
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    menu = await _over(hass, await _choose(hass, menu, "octoprint_confirm"))
    assert menu["step_id"] == "octoprint_denied"
    # A page that is loaded again asks the flow where it stands.
    menu = await hass.config_entries.flow.async_configure(menu["flow_id"])
    menu = await _over(hass, await _choose(hass, menu, "octoprint_confirm"))
    assert menu["step_id"] == "octoprint_denied"
    form = await _choose(hass, menu, "octoprint_key")
    result = await _type(hass, form, api_key=" right-key ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["api_key"] == "right-key"


async def test_a_request_that_nobody_answers_ends(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """People close the window and forget."""
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    with patch(f"{_OCTO}.GIVE_UP_S", 0.05):
        menu = await _over(hass, await _choose(hass, menu, "octoprint_confirm"))
    assert menu["step_id"] == "octoprint_denied"
    hass.config_entries.flow.async_abort(menu["flow_id"])


async def test_a_poll_that_fails_is_made_again_and_a_server_that_is_gone_is_told(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """A Pi on a weak radio loses a packet now and then."""
    octoprint.silent_polls, octoprint.decision = 2, "right-key"
    octoprint.names_dialogue = False
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    progress = await _choose(hass, menu, "octoprint_confirm")
    assert progress["description_placeholders"]["link"] == octoprint.url
    result = await _over(hass, progress)
    assert result["type"] is FlowResultType.CREATE_ENTRY

    hass.config_entries.async_update_entry(result["result"], unique_id="other")
    hass.config_entries.async_update_entry(result["result"], data={CONF_KIND: "virtual"})
    octoprint.silent_polls = 1000
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    menu = await _over(hass, await _choose(hass, menu, "octoprint_confirm"))
    assert menu["step_id"] == "octoprint_lost"
    menu = await hass.config_entries.flow.async_configure(menu["flow_id"])
    assert menu["step_id"] == "octoprint_lost"
    hass.config_entries.flow.async_abort(menu["flow_id"])


async def test_an_octoprint_that_is_asked_too_often_takes_a_key(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """It counts requests: three a minute."""
    octoprint.asked = ["a", "b", "c"]
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    form = await _choose(hass, menu, "octoprint_confirm")
    assert form["step_id"] == "octoprint_key"
    assert form["errors"] == {"base": "no_dialogue"}
    result = await _type(hass, form, api_key="right-key")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_octoprint_that_goes_away_before_it_is_asked_is_told(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """The wrong plug was pulled."""
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    await octoprint.stop()
    form = await _choose(hass, menu, "octoprint_confirm")
    assert form["errors"] == {"base": "unreachable_server"}
    await octoprint.__aenter__()
    result = await _type(hass, form, api_key="right-key")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_question_in_octoprint_ends_with_the_form(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """A closed window must not poll for ten minutes."""
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    progress = await _choose(hass, menu, "octoprint_confirm")
    hass.config_entries.flow.async_abort(progress["flow_id"])
    await hass.async_block_till_done()
    assert hass.config_entries.flow.async_progress() == []


async def test_without_application_keys_a_key_is_asked_for_and_each_mistake_named(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """The plugin can be switched off, and keys are copied wrong."""
    octoprint.app_keys = False
    form = await _type(hass, await _start(hass, "octoprint"), url=octoprint.address)
    assert form["step_id"] == "octoprint_key"
    assert form["description_placeholders"]["url"] == octoprint.url
    form = await _type(hass, form, api_key="wrong")
    assert form["errors"] == {"api_key": "wrong_api_key"}
    form = await _type(hass, form, api_key="weak-key")
    assert form["errors"] == {"api_key": "no_permission"}
    result = await _type(hass, form, api_key="right-key")
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("guests", [True, False])
async def test_an_octoprint_is_known_by_its_keys_where_it_tells_nothing_else(
    hass: HomeAssistant, octoprint: PrintServer, *, guests: bool
) -> None:
    """Guests may look in some, and in others not even that is told."""
    octoprint.trusted, octoprint.users = guests, False
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    assert menu["step_id"] == "octoprint_access"
    form = await _choose(hass, menu, "octoprint_key")
    result = await _type(hass, form, api_key="right-key")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_octoprint_below_a_path_is_found_from_any_of_its_pages(
    hass: HomeAssistant,
) -> None:
    """People paste what stands in the browser's bar."""
    async with PrintServer("octoprint", prefix="/octoprint") as server:
        pasted = f"http://{server.address}/octoprint/login/?redirect=%2F#temp"
        menu = await _type(hass, await _start(hass, "octoprint"), url=pasted)
        assert menu["description_placeholders"]["url"] == server.url
        form = await _choose(hass, menu, "octoprint_key")
        result = await _type(hass, form, api_key="right-key")
        assert result["data"]["url"] == server.url
        assert await hass.config_entries.async_unload(result["result"].entry_id)


async def test_the_same_octoprint_is_not_added_twice(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """At the same address no key is asked for; at another its address is taken over."""
    entry = _known(hass, octoprint, api_key="right-key")
    result = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    assert result["reason"] == "already_configured"
    hass.config_entries.async_update_entry(entry, data={**entry.data, "url": "http://127.0.0.9"})
    menu = await _type(hass, await _start(hass, "octoprint"), url=octoprint.url)
    form = await _choose(hass, menu, "octoprint_key")
    result = await _type(hass, form, api_key="right-key")
    assert result["reason"] == "already_configured"
    assert entry.data["url"] == octoprint.url


# -- Moonraker -------------------------------------------------------------------------------


async def test_a_moonraker_that_trusts_us_is_asked_for_nothing(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """Most trust their own network."""
    moonraker.trusted = True
    result = await _type(hass, await _start(hass, "moonraker"), url=moonraker.address)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        CONF_KIND: "moonraker",
        "url": moonraker.url,
        "serial": MOONRAKER_ID,
    }
    assert result["result"].state is ConfigEntryState.LOADED


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ({"api_key": " right-key "}, {"api_key": "right-key"}),
        (
            {"username": " ada ", "password": "secret word"},
            {"username": "ada", "password": "secret word"},
        ),
    ],
)
async def test_a_moonraker_that_wants_a_key_takes_a_key_or_a_login(
    hass: HomeAssistant, moonraker: PrintServer, typed: dict[str, str], stored: dict[str, str]
) -> None:
    """Which of both is the owner's choice."""
    form = await _type(hass, await _start(hass, "moonraker"), url=moonraker.address)
    assert form["step_id"] == "moonraker_key"
    form = await _type(hass, form)
    assert form["errors"] == {"api_key": "key_needed"}
    form = await _type(hass, form, api_key="wrong")
    assert form["errors"] == {"api_key": "wrong_api_key"}
    form = await _type(hass, form, username="ada", password="wrong")
    assert form["errors"] == {"password": "wrong_login"}
    result = await _type(hass, form, **typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert {key: result["data"].get(key) for key in ("api_key", "username", "password")} == {
        key: stored.get(key) for key in ("api_key", "username", "password")
    }


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_moonraker_of_years_ago_is_known_too(hass: HomeAssistant, *, trusted: bool) -> None:
    """Printers are sold with old ones and never updated."""
    async with PrintServer("old_moonraker") as server:
        server.trusted, server.imitates = trusted, trusted
        result = await _type(hass, await _start(hass, "moonraker"), url=server.address)
        if not trusted:
            assert result["step_id"] == "moonraker_key"
            result = await _type(hass, result, api_key="right-key")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert await hass.config_entries.async_unload(result["result"].entry_id)


async def test_a_moonraker_that_changes_its_mind_is_given_a_key(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """It said that everybody may come in, and then that nobody may."""
    moonraker.trusted = True
    form = await _start(hass, "moonraker")
    with (
        patch.object(moonraker, "keys", set()),
        patch("tests.print_server._refusal", side_effect=lambda *_: DENIED),
    ):
        form = await _type(hass, form, url=moonraker.url)
    assert form["step_id"] == "moonraker_key"
    assert form["errors"] == {"api_key": "key_needed"}
    result = await _type(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_same_moonraker_is_not_added_twice(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """Two lines to one printer would count its jobs twice."""
    moonraker.trusted = True
    _known(hass, moonraker)
    result = await _type(hass, await _start(hass, "moonraker"), url=moonraker.url)
    assert result["reason"] == "already_configured"


# -- something else answers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "there", "menu_step"),
    [
        ("octoprint", "moonraker", "is_moonraker"),
        ("octoprint", "old_moonraker", "is_moonraker"),
        ("octoprint", "prusalink", "is_prusalink"),
        ("octoprint", "prusalink_pi", "is_prusalink"),
        ("moonraker", "octoprint", "is_octoprint"),
        ("moonraker", "prusalink", "is_prusalink"),
    ],
)
async def test_what_answers_instead_is_named_and_offered(
    hass: HomeAssistant, wanted: str, there: str, menu_step: str
) -> None:
    """They imitate each other, and people do not know which of them runs on their Pi."""
    async with PrintServer(there) as server:
        server.imitates = True
        menu = await _type(hass, await _start(hass, wanted), url=server.url)
        assert menu["step_id"] == menu_step
        assert menu["description_placeholders"] == {"url": server.url}
        menu = await hass.config_entries.flow.async_configure(menu["flow_id"])
        right = menu_step.removeprefix("is_")
        assert list(menu["menu_options"]) == [right, wanted]
        form = await _choose(hass, menu, right)
        assert form["step_id"] == right
        assert _suggested(form) in ({"url": server.url}, {"host": server.address})
        hass.config_entries.flow.async_abort(form["flow_id"])


def _suggested(form: ConfigFlowResult) -> dict[str, Any]:
    assert form["data_schema"] is not None
    return {
        str(key): key.description["suggested_value"]
        for key in form["data_schema"].schema
        if key.description
    }


async def test_the_wanted_server_comes_before_another_at_the_same_host(
    hass: HomeAssistant, octoprint: PrintServer, moonraker: PrintServer
) -> None:
    """A Pi may run both, and a bare name means the one that was chosen in the menu."""
    urls = (octoprint.url, moonraker.url)
    with patch("custom_components.printernizer.server_flow.addresses", return_value=urls):
        form = await _type(hass, await _start(hass, "moonraker"), url="pi.local")
    assert form["step_id"] == "moonraker_key"
    assert form["description_placeholders"]["url"] == moonraker.url
    hass.config_entries.flow.async_abort(form["flow_id"])


@pytest.mark.parametrize("kind", ["octoprint", "moonraker"])
@pytest.mark.parametrize(
    ("fails", "error"),
    [(401, "proxy_login"), (502, "starting"), (503, "starting"), (404, "unknown_server")],
)
async def test_a_proxy_in_front_is_told_apart_from_what_is_behind_it(
    hass: HomeAssistant, kind: str, fails: int, error: str
) -> None:
    """Another key does not help against a proxy's login; waiting helps against a 503."""
    async with PrintServer(kind) as server:
        server.fails = fails
        form = await _type(hass, await _start(hass, kind), url=server.url)
        assert form["errors"] == {"base": error}
        assert form["description_placeholders"]["tried"] == server.url
        assert _suggested(form) == {"url": server.url}
        server.fails, server.trusted = None, True
        result = await _type(hass, form, url=server.url)
        assert result["type"] in {FlowResultType.MENU, FlowResultType.CREATE_ENTRY}
        if result["type"] is FlowResultType.MENU:
            hass.config_entries.flow.async_abort(result["flow_id"])
        else:
            assert await hass.config_entries.async_unload(result["result"].entry_id)


async def test_an_address_that_leads_nowhere_is_told_in_all_its_ways(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """Each mistake in an address has its own remedy."""
    form = await _start(hass, "moonraker")
    form = await _type(hass, form, url="what is that?")
    assert form["errors"] == {"url": "bad_address"}
    form = await _type(hass, form, url="http://ada:secret@127.0.0.1/")
    assert form["errors"] == {"url": "proxy_login"}
    assert _suggested(form) == {}
    await moonraker.stop()
    form = await _type(hass, form, url=moonraker.url)
    assert form["errors"] == {"base": "unreachable_server"}
    async with PrintServer("page") as page:
        form = await _type(hass, form, url=page.url)
    assert form["errors"] == {"base": "unknown_server"}
    with patch.object(recognition._Asker, "_get", side_effect=RuntimeError("a bug of ours")):
        form = await _type(hass, form, url=moonraker.url)
    assert form["errors"] == {"base": "unexpected"}
    moonraker.trusted = True
    await moonraker.__aenter__()
    result = await _type(hass, form, url=moonraker.url)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("kind", ["octoprint", "moonraker"])
def test_any_error_of_a_driver_has_a_text_in_the_form(kind: str) -> None:
    """An untranslated key in a form is a dead end."""
    for error in (*DriverError.__subclasses__(), DriverError):
        if error.__name__ == "CertificateChanged":
            continue
        for key in KEYS:
            shown = form_errors(PrinterKind(kind), error("why", key=key))
            assert set(shown.values()) <= FORM_ERRORS
    assert form_errors(PrinterKind(kind), Garbled("noise")) == {"base": "unknown_server"}


# -- certificates ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["octoprint", "moonraker"])
async def test_a_certificate_that_nobody_vouches_for_is_shown_and_then_pinned(
    hass: HomeAssistant, kind: str
) -> None:
    """Servers at home sign for themselves; the owner can compare, nobody else."""
    own = certificate()
    async with PrintServer(kind, certificate=own) as server:
        server.trusted = kind == "moonraker"
        trust = await _type(hass, await _start(hass, kind), url=f"https://{server.address}/login")
        assert trust["step_id"] == "trust_first"
        assert trust["description_placeholders"]["new"].replace(":", "").lower() == own.fingerprint
        trust = await hass.config_entries.flow.async_configure(trust["flow_id"])
        assert trust["step_id"] == "trust_first"
        result = await _type(hass, trust)
        if kind == "octoprint":
            form = await _choose(hass, result, "octoprint_key")
            result = await _type(hass, form, api_key="right-key")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["data"]["fingerprint"] == own.fingerprint
        assert result["data"]["url"] == server.url
        assert await hass.config_entries.async_unload(result["result"].entry_id)


async def test_a_pinned_certificate_is_insisted_upon_and_forgotten_without_https(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """The key would go to whoever pretends to be the server."""
    entry = _known(hass, octoprint, api_key="right-key", fingerprint="ab" * 32)
    async with PrintServer("octoprint", certificate=certificate()) as secure:
        form = await entry.start_reconfigure_flow(hass)
        trust = await _type(hass, form, url=secure.url)
        assert trust["step_id"] == "trust"
        assert trust["description_placeholders"]["old"].startswith("AB:AB")
        trust = await hass.config_entries.flow.async_configure(trust["flow_id"])
        assert trust["description_placeholders"]["old"].startswith("AB:AB")
        result = await _type(hass, trust)
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["fingerprint"] == secure.certificate.fingerprint
        form = await entry.start_reconfigure_flow(hass)
        result = await _type(hass, form, url=octoprint.url)
        assert result["reason"] == "reconfigure_successful"
        assert "fingerprint" not in entry.data
        await hass.async_block_till_done()
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_server_that_hangs_up_before_its_certificate_is_out_of_reach(
    hass: HomeAssistant,
) -> None:
    """Between the first look and the second it was switched off."""
    async with PrintServer("octoprint", certificate=certificate()) as server:
        get, calls = recognition._Asker._get, 0

        async def once(self: Any, target: str, **given: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > 1:
                raise ConnectionResetError
            return await get(self, target, **given)

        with patch.object(recognition._Asker, "_get", once):
            form = await _type(hass, await _start(hass, "octoprint"), url=server.url)
        assert form["errors"] == {"base": "unreachable_server"}
        hass.config_entries.flow.async_abort(form["flow_id"])


# -- known already -----------------------------------------------------------------------------


async def test_a_revoked_key_is_replaced_by_confirming_again(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Keys are revoked in OctoPrint with one click, by mistake too."""
    entry = _known(hass, octoprint, api_key="revoked")
    menu = await entry.start_reauth_flow(hass)
    assert menu["step_id"] == "reauth_octoprint"
    assert menu["description_placeholders"] == {"name": "Known", "url": octoprint.url}
    octoprint.decision = "right-key"
    result = await _over(hass, await _choose(hass, menu, "octoprint_confirm"))
    assert result["reason"] == "reauth_successful"
    assert entry.data["api_key"] == "right-key"
    assert entry.state is ConfigEntryState.LOADED


async def test_a_revoked_key_is_replaced_by_typing_another(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Also while OctoPrint is away when the form opens."""
    entry = _known(hass, octoprint, api_key="revoked")
    await octoprint.stop()
    form = await entry.start_reauth_flow(hass)
    assert form["step_id"] == "octoprint_key"
    form = await _type(hass, form, api_key="right-key")
    assert form["errors"] == {"base": "unreachable_server"}
    await octoprint.__aenter__()
    result = await _type(hass, form, api_key="right-key")
    assert result["reason"] == "reauth_successful"


async def test_a_moonraker_that_stopped_trusting_us_gets_a_key(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """Its owner has switched the login on."""
    entry = _known(hass, moonraker, username="old", password="old")
    form = await entry.start_reauth_flow(hass)
    assert form["step_id"] == "reauth_moonraker"
    form = await _type(hass, form, api_key="wrong")
    assert form["errors"] == {"api_key": "wrong_api_key"}
    result = await _type(hass, form, api_key="right-key")
    assert result["reason"] == "reauth_successful"
    assert entry.data["api_key"] == "right-key"
    assert "password" not in entry.data


@pytest.mark.parametrize("kind", ["octoprint", "moonraker"])
async def test_a_server_moves_with_its_key(hass: HomeAssistant, kind: str) -> None:
    """A new address is no reason to confirm anything again."""
    async with PrintServer(kind) as server, PrintServer(kind) as other:
        other.serial = "another-instance"
        entry = _known(hass, server, api_key="right-key")
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, "url": "http://127.0.0.9:5000"}
        )
        form = await entry.start_reconfigure_flow(hass)
        assert form["step_id"] == f"reconfigure_{kind}"
        assert _suggested(form) == {"url": "http://127.0.0.9:5000"}
        form = await _type(hass, form, url=other.url)
        assert form["errors"] == {"base": "other_instance"}
        result = await _type(hass, form, url=server.url)
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["url"] == server.url
        assert entry.data["api_key"] == "right-key"
        await hass.async_block_till_done()
        assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("kind", ["octoprint", "moonraker"])
async def test_a_server_that_moves_and_forgets_its_key_is_given_another(
    hass: HomeAssistant, kind: str
) -> None:
    """Who sets a Pi up anew keeps the printer and its history."""
    async with PrintServer(kind) as server:
        entry = _known(hass, server, api_key="of the old card")
        form = await entry.start_reconfigure_flow(hass)
        form = await _type(hass, form, url=server.url)
        assert form["step_id"] == f"{kind}_key"
        assert form["errors"] == {"api_key": "wrong_api_key"}
        result = await _type(hass, form, api_key="right-key")
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["api_key"] == "right-key"
        await hass.async_block_till_done()
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_an_entry_is_not_turned_into_another_kind(
    hass: HomeAssistant, octoprint: PrintServer, moonraker: PrintServer
) -> None:
    """Its jobs would go into the wrong history."""
    entry = _known(hass, octoprint, api_key="right-key")
    form = await entry.start_reconfigure_flow(hass)
    form = await _type(hass, form, url=moonraker.url)
    assert form["errors"] == {"base": "other_kind"}
    assert form["description_placeholders"]["what"] == "Moonraker"
    result = await _type(hass, form, url=octoprint.url)
    assert result["reason"] == "reconfigure_successful"
