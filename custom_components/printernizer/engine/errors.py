"""What can go wrong, as a tree: a class exists where some caller decides differently.

```text
PrinternizerError
├── DriverError             between us and one printer
│   ├── Unreachable         no answer, or the line dropped     try again later
│   ├── AccessDenied        it does not accept our key         ask the user for a new one
│   ├── WrongPrinter        another device answers there       ask the user, or find the new address
│   │   └── CertificateChanged   same address, new certificate ask the user to trust it
│   ├── Garbled             an answer we cannot read           keep the payload, report it
│   └── Refused             understood, and will not do it     tell the user why
├── StoreError              the database does not open or take writes
├── BadFile                 not what its name claims           name the file, offset and cause
└── NotAllowed              a rule of the shop says no         tell the user which
```

Every class carries the `key` of its translation; a raise may name a narrower one
(`Unreachable("5th client", key="too_many_clients")`). Every key that is ever raised stands in
`KEYS`, so that a test can hold the translations against it.
"""

from __future__ import annotations

from typing import ClassVar, Final


class PrinternizerError(Exception):
    """Base of everything the engine raises on purpose.

    `reason` is one plain English sentence for logs; `key` names the translated text;
    `placeholders` fill it (always with `reason`). No secret ever goes into either.
    """

    default_key: ClassVar[str] = "unexpected"

    def __init__(self, reason: str = "", *, key: str | None = None, **placeholders: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key or self.default_key
        self.placeholders: dict[str, str] = {"reason": reason, **placeholders}


class DriverError(PrinternizerError):
    """Something between us and one printer."""


class Unreachable(DriverError):
    """No answer, or the line dropped: try again later."""

    default_key = "unreachable"


class AccessDenied(DriverError):
    """The printer does not accept our key: retrying cannot help, ask the user."""

    default_key = "access_denied"


class WrongPrinter(DriverError):
    """Another device answers at this address (its serial is not the one we know)."""

    default_key = "wrong_printer"


class CertificateChanged(WrongPrinter):
    """The pinned certificate is not the one presented: the user decides, never we.

    `fingerprint` is the SHA-256 of the certificate now presented, lower-case hex.
    """

    default_key = "certificate_changed"

    def __init__(self, reason: str = "", *, fingerprint: str, **placeholders: str) -> None:
        super().__init__(reason, fingerprint=fingerprint, **placeholders)
        self.fingerprint = fingerprint


class Garbled(DriverError):
    """An answer we cannot read. `payload` keeps the first bytes of it for diagnostics."""

    default_key = "garbled"

    def __init__(self, reason: str = "", *, payload: bytes = b"", key: str | None = None) -> None:
        super().__init__(reason, key=key)
        self.payload = payload[:2048]


class Refused(DriverError):
    """Understood, and the printer will not do it. `reason` says why, in its words."""

    default_key = "refused"


class StoreError(PrinternizerError):
    """The database does not open, is newer than we are, is broken, or is full."""

    default_key = "store_failed"


class BadFile(PrinternizerError):
    """A file that is not what its name claims."""

    default_key = "bad_file"

    def called(self, stored: str, name: str) -> BadFile:
        """Return the same of a file by the name that people know it by.

        stored: what it is called where it lies, which is a hash on a shelf. Reasons begin with it.
        """
        if not self.reason.startswith(stored):
            return self
        return BadFile(name + self.reason.removeprefix(stored), key=self.key)


class NotAllowed(PrinternizerError):
    """A rule of the shop says no."""

    default_key = "not_allowed"


KEYS: Final = frozenset(
    {
        "account_corrected",
        "unexpected",
        "unreachable",
        "too_many_clients",
        "no_reports",
        "starting",
        "source_unavailable",
        "source_gone",
        "access_denied",
        "no_permission",
        "proxy_login",
        "wrong_printer",
        "wrong_serial",
        "certificate_changed",
        "garbled",
        "unknown_server",
        "refused",
        "developer_mode",
        "printer_busy",
        "no_job",
        "job_changed",
        "wrong_state",
        "not_confirmed",
        "file_missing",
        "file_exists",
        "storage_missing",
        "storage_full",
        "not_supported",
        "unsupported_file",
        "object_missing",
        "last_object",
        "slot_empty",
        "macro_missing",
        "out_of_range",
        "store_failed",
        "store_newer",
        "store_broken",
        "disk_full",
        "bad_file",
        "not_allowed",
        "file_changed",
        "file_unreadable",
        "file_empty",
        "file_too_large",
        "bad_name",
        "upload_cancelled",
        "no_upload",
        "wrong_machine",
        "wrong_nozzle",
        "wrong_material",
        "plate_missing",
        "slot_missing",
        "not_started",
        "material_unknown",
        "spool_unknown",
        "spool_archived",
        "no_tare",
        "no_weight",
        "no_net",
        "slot_ambiguous",
        "below_tare",
        "spoolman_unreachable",
        "spoolman_garbled",
        "spoolman_missing",
        "bad_text",
        "bad_email",
        "bad_country",
        "bad_vat_id",
        "name_missing",
        "no_customer",
        "customer_erased",
        "no_order",
        "order_state",
        "order_empty",
        "order_open",
        "bad_period",
        "bad_position",
        "amount_negative",
        "unknown_job",
        "job_taken",
        "price_unknown",
        "reason_missing",
        "bad_pattern",
        "number_taken",
        "no_document",
        "not_an_invoice",
        "already_cancelled",
        "bad_payment",
        "refund_too_high",
        "company_incomplete",
        "address_missing",
        "account_missing",
        "batch_incomplete",
        "datev_adviser",
        "datev_booking",
        "datev_client",
        "datev_period",
        "disk_failed",
        "fetch_cancelled",
        "file_gone",
        "no_fetch",
        "no_idea",
        "idea_unnamed",
        "idea_known",
        "bad_pieces",
        "bad_url",
        "library_full",
        "bad_title",
        "bad_tag",
        "unknown_kind",
        "file_incomplete",
        "no_library",
        "no_file",
        "not_on_shelf",
        "at_another_site",
        "file_printing",
        "no_collection",
        "name_taken",
        "bad_form",
        "no_parcel",
        "parcel_expired",
        "parcel_busy",
        "wrong_offset",
        "wrong_checksum",
        "wrong_key",
        "too_many_requests",
        "bad_sender",
        "sender_known",
        "too_many_senders",
        "no_sender",
        "no_such_printer",
        "sender_elsewhere",
        "sender_may_not_print",
        "sender_without_printer",
    }
)
"""Every translation key that the engine raises."""
