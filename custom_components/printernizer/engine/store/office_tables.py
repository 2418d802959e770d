"""The tables of migration 0005: customers, orders, documents, payments and the audit log."""

from __future__ import annotations
