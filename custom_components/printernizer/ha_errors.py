"""Our errors into Home Assistant's: the only such table."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryError,
    ConfigEntryNotReady,
    HomeAssistantError,
    ServiceValidationError,
)
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN
from .engine.errors import AccessDenied, NotAllowed, PrinternizerError, Refused, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOR_GOOD = frozenset({"store_newer", "store_broken"})
"""Retrying cannot mend these databases."""
_BAD_INPUT = frozenset(
    {
        "out_of_range",
        "file_missing",
        "not_supported",
        "unsupported_file",
        "object_missing",
        "last_object",
        "macro_missing",
    }
)
"""Refusals that the person who asked can mend by asking for something else."""


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """Turn what the shop and its printers refuse into Home Assistant's errors.

    Raises ServiceValidationError where the wish itself was wrong, HomeAssistantError where it
    failed; both carry their translation, with the cause as placeholder `reason`.
    """
    try:
        yield
    except PrinternizerError as err:
        wish = isinstance(err, NotAllowed) or (isinstance(err, Refused) and err.key in _BAD_INPUT)
        raise translated(err, ServiceValidationError if wish else HomeAssistantError) from err


def translated[E: HomeAssistantError](err: PrinternizerError, kind: type[E]) -> E:
    """Return this error of ours as one of Home Assistant's, to be raised `from` it."""
    return kind(
        translation_domain=DOMAIN,
        translation_key=err.key,
        translation_placeholders=err.placeholders,
    )


def of_store(err: StoreError) -> HomeAssistantError:
    """Return what setting up an entry raises without a ledger: give up, or try later."""
    return translated(err, ConfigEntryError if err.key in _FOR_GOOD else ConfigEntryNotReady)


def of_refresh(err: PrinternizerError) -> HomeAssistantError:
    """Return what a coordinator raises when a fresh status cannot be had."""
    if isinstance(err, AccessDenied):
        return translated(err, ConfigEntryAuthFailed)
    return translated(err, UpdateFailed)
