"""What the user should mend, as issues in Home Assistant's repairs: raised here, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import homeassistant.helpers.issue_registry as ir
from homeassistant.core import callback

from .addresses import host_of
from .const import CONF_FINGERPRINT, CONF_KIND, DOMAIN
from .engine.errors import CertificateChanged
from .engine.shelf_report import Fault
from .engine.small_business import LimitWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .engine.errors import StoreError, WrongPrinter
    from .engine.shelf_report import ScrubReport

WRONG_PRINTER: Final = "wrong_printer"
CERTIFICATE_CHANGED: Final = "certificate_changed"
SOURCE_GONE: Final = "source_gone"
_FOLLOWED: Final = "followed"
DEVELOPER_MODE: Final = "developer_mode"
SMALL_BUSINESS: Final = "small_business_"
"""And the `LimitWarning`."""
LIBRARY_DAMAGED: Final = "library_damaged"
MOST_NAMED: Final = 5
"""Files that an issue names."""
SPOOLMAN_GONE: Final = "spoolman_gone"
STORE_KEYS: Final = ("store_failed", "store_newer", "store_broken", "disk_full")


def issue_id(kind: str, entry: ConfigEntry[Any]) -> str:
    """Return the id of an issue of one printer."""
    return f"{kind}_{entry.entry_id}"


@callback
def async_wrong_printer(hass: HomeAssistant, entry: ConfigEntry[Any], error: WrongPrinter) -> None:
    """Another device answers, or the same one with another certificate: only a person knows."""
    placeholders = {"printer": entry.title, "host": host_of(entry.data) or ""}
    if isinstance(error, CertificateChanged):
        fingerprints = {
            "old": readable(entry.data.get(CONF_FINGERPRINT)),
            "new": readable(error.fingerprint),
        }
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id(CERTIFICATE_CHANGED, entry),
            is_fixable=True,
            severity=ir.IssueSeverity.ERROR,
            translation_key=CERTIFICATE_CHANGED,
            translation_placeholders={**placeholders, **fingerprints},
            data={"entry_id": entry.entry_id, "fingerprint": error.fingerprint, **fingerprints},
        )
        return
    # A followed printer has no address at which another one could answer.
    kind = SOURCE_GONE if entry.data.get(CONF_KIND) == _FOLLOWED else WRONG_PRINTER
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(kind, entry),
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=kind,
        translation_placeholders=placeholders,
    )


@callback
def async_right_printer(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """The printer we know answers again."""
    for kind in (WRONG_PRINTER, CERTIFICATE_CHANGED, SOURCE_GONE):
        ir.async_delete_issue(hass, DOMAIN, issue_id(kind, entry))


@callback
def async_developer_mode(hass: HomeAssistant, entry: ConfigEntry[Any], *, off: bool) -> None:
    """The printer reports but takes no commands; or it takes them now."""
    if not off:
        ir.async_delete_issue(hass, DOMAIN, issue_id(DEVELOPER_MODE, entry))
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(DEVELOPER_MODE, entry),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=DEVELOPER_MODE,
        translation_placeholders={"printer": entry.title},
    )


@callback
def async_forget(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Take back all issues of a printer that was removed."""
    async_right_printer(hass, entry)
    async_developer_mode(hass, entry, off=False)


@callback
def async_store_failed(hass: HomeAssistant, error: StoreError) -> None:
    """The ledger does not open. One issue, however many printers wait for it."""
    kind = error.key if error.key in STORE_KEYS else "store_failed"
    ir.async_create_issue(
        hass,
        DOMAIN,
        kind,
        is_fixable=False,
        severity=ir.IssueSeverity.CRITICAL,
        translation_key=kind,
        translation_placeholders={"reason": error.reason},
    )


@callback
def async_store_opened(hass: HomeAssistant) -> None:
    """The ledger opened: whatever was wrong with it is mended."""
    for kind in STORE_KEYS:
        ir.async_delete_issue(hass, DOMAIN, kind)


@callback
def async_small_business(hass: HomeAssistant, warnings: Sequence[LimitWarning]) -> None:
    """Turnover nears or passes a limit of the small business exemption; the worst is told."""
    worst = next(iter(warnings), None)
    for warning in LimitWarning:
        if warning is not worst:
            ir.async_delete_issue(hass, DOMAIN, SMALL_BUSINESS + warning)
    if worst is not None:
        ir.async_create_issue(
            hass,
            DOMAIN,
            SMALL_BUSINESS + worst,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=SMALL_BUSINESS + worst,
        )


@callback
def async_spoolman_gone(hass: HomeAssistant, *, gone: bool) -> None:
    """The Spoolman that leads has not answered for long; or it does again, or leads no more."""
    if not gone:
        ir.async_delete_issue(hass, DOMAIN, SPOOLMAN_GONE)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        SPOOLMAN_GONE,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=SPOOLMAN_GONE,
    )


@callback
def async_library_damaged(hass: HomeAssistant, report: ScrubReport | None) -> None:
    """Files of the library are not what came in; None: all of them are."""
    if report is None:
        ir.async_delete_issue(hass, DOMAIN, LIBRARY_DAMAGED)
        return
    bad = [each for each in report.findings if each.fault is not Fault.FOREIGN]
    names = ", ".join(each.shown or each.name[:12] for each in bad[:MOST_NAMED])
    ir.async_create_issue(
        hass,
        DOMAIN,
        LIBRARY_DAMAGED,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=LIBRARY_DAMAGED,
        translation_placeholders={"count": str(len(bad)), "files": names},
    )


def readable(fingerprint: str | None) -> str:
    """Return a SHA-256 as printers and browsers show it: pairs with colons; "-" for none."""
    if not fingerprint:
        return "-"
    upper = fingerprint.upper()
    return ":".join(upper[start : start + 2] for start in range(0, len(upper), 2))
