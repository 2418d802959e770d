"""The words that papers print, in both languages. A test holds the two together."""

from __future__ import annotations

from typing import Final

_WORDS: Final[dict[str, tuple[str, str]]] = {
    # kinds
    "quote": ("Quote", "Angebot"),
    "invoice": ("Invoice", "Rechnung"),
    "cancellation": ("Cancellation invoice", "Stornorechnung"),
    # info block
    "number_quote": ("Quote no.", "Angebotsnummer"),
    "number_invoice": ("Invoice no.", "Rechnungsnummer"),
    "number_cancellation": ("Cancellation no.", "Stornonummer"),
    "date": ("Date", "Datum"),
    "customer_number": ("Customer no.", "Kundennummer"),
    "your_vat_id": ("Your VAT ID", "Ihre USt-IdNr."),
    "your_reference": ("Your reference", "Ihre Referenz"),
    "delivered": ("Date of supply", "Leistungsdatum"),
    "delivered_period": ("Period of supply", "Leistungszeitraum"),
    "delivery_planned": ("Planned supply", "Geplante Leistung"),
    "due": ("Due on", "Zahlbar bis"),
    "valid_until": ("Valid until", "Gültig bis"),
    "cancels": ("Cancels invoice", "Storniert Rechnung"),
    # table
    "position": ("No.", "Pos."),
    "text": ("Description", "Bezeichnung"),
    "quantity": ("Quantity", "Menge"),
    "unit_price": ("Unit price", "Einzelpreis"),
    "tax_rate": ("VAT", "USt"),
    "amount": ("Amount", "Betrag"),
    "carried": ("Carried forward", "Übertrag"),
    "unit_piece": ("pcs", "Stk."),
    "unit_flat": ("flat", "psch."),
    "unit_h": ("h", "Std."),
    # totals
    "net": ("Net total", "Nettobetrag"),
    "tax_on": ("VAT {percent} on {net}", "USt {percent} auf {net}"),
    "tax_within": ("VAT {percent} included, net {net}", "darin USt {percent}, netto {net}"),
    "gross": ("Total", "Gesamtbetrag"),
    "gross_first": (
        "All prices include value added tax.",
        "Alle Preise enthalten die gesetzliche Umsatzsteuer.",
    ),
    # terms
    "pay_by": (
        "Please pay {amount} without deduction by {due}.",
        "Bitte zahlen Sie {amount} ohne Abzug bis zum {due}.",
    ),
    "pay_soon": ("Please pay {amount} without deduction.", "Bitte zahlen Sie {amount} ohne Abzug."),
    "nothing_due": ("Nothing is due.", "Es ist nichts zu zahlen."),
    "pay_to": ("Account: {iban}", "Konto: {iban}"),
    "pay_reference": ("Payment reference: {number}", "Verwendungszweck: {number}"),
    "quote_until": (
        "This quote is valid until {day}.",
        "Dieses Angebot gilt bis zum {day}.",
    ),
    "cancels_whole": (
        "This document cancels invoice {number} in full.",
        "Dieser Beleg hebt die Rechnung {number} vollständig auf.",
    ),
    # footer
    "page": ("Page {page} of {pages}", "Seite {page} von {pages}"),
    "owner": ("Owner: {name}", "Inh. {name}"),
    "vat_id": ("VAT ID {id}", "USt-IdNr. {id}"),
    "tax_number": ("Tax no. {id}", "Steuernr. {id}"),
    # monthly report
    "report": ("Monthly report", "Monatsbericht"),
    "revenue": ("Revenue, net", "Umsatz netto"),
    "cost": ("Cost", "Kosten"),
    "margin": ("Margin", "Ertrag"),
    "jobs": ("Jobs", "Drucke"),
    "hours": ("Hours", "Stunden"),
    "mass": ("Material", "Material"),
    "energy": ("Energy", "Energie"),
    "success": ("Success", "Erfolg"),
    "completed": ("completed", "fertig"),
    "failed": ("failed", "fehlgeschlagen"),
    "cancelled": ("cancelled", "abgebrochen"),
    "unknown": ("unknown", "unbekannt"),
    "skipped": ("skipped", "übersprungen"),
    "by_week": ("Revenue and cost by week", "Umsatz und Kosten je Woche"),
    "by_kind": ("Cost by kind", "Kosten nach Art"),
    "by_outcome": ("Jobs by outcome", "Drucke nach Ausgang"),
    "by_material": ("Material", "Material"),
    "by_printer": ("Printers", "Drucker"),
    "by_customer": ("Customers", "Kunden"),
    "success_by_printer": ("Success by printer", "Erfolg je Drucker"),
    "mass_by_material": ("Grams by material", "Gramm je Material"),
    "name": ("Name", "Name"),
    "nobody": ("without customer", "ohne Kunde"),
    "not_told": ("not told", "nicht bekannt"),
    "nothing": ("Nothing in this month.", "Nichts in diesem Monat."),
    "others": ("others ({count})", "weitere ({count})"),
    "total": ("Total", "Summe"),
    "week_of": ("from {day}", "ab {day}"),
    "incomplete": (
        "The costs of {count} jobs are not wholly known: what is shown is the least they were.",
        "Die Kosten von {count} Drucken sind nur zum Teil bekannt: gezeigt ist das Mindeste.",
    ),
    "unreckoned": (
        "{count} more jobs that ended in this time have not been reckoned, and are in no sum.",
        "{count} weitere Drucke dieser Zeit sind noch nicht berechnet und in keiner Summe.",
    ),
    "other_currency": (
        "{count} more jobs were reckoned in another currency, and are in no sum.",
        "{count} weitere Drucke wurden in anderer Währung berechnet und sind in keiner Summe.",
    ),
    "success_rule": (
        "Success: completed of all completed and failed jobs; others do not count.",
        "Erfolg: fertige von allen fertigen und fehlgeschlagenen Drucken; andere zählen nicht.",
    ),
    "kind_material": ("Material", "Material"),
    "kind_energy": ("Energy", "Energie"),
    "kind_machine": ("Machine", "Maschine"),
    "kind_labour": ("Labour", "Arbeit"),
    "kind_failure": ("Failure allowance", "Ausschusszuschlag"),
    "kind_overhead": ("Overhead", "Gemeinkosten"),
}
_MONTHS: Final = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
}
_COUNTRIES: Final[dict[str, tuple[str, str]]] = {
    "AT": ("Austria", "Österreich"),
    "BE": ("Belgium", "Belgien"),
    "BG": ("Bulgaria", "Bulgarien"),
    "CH": ("Switzerland", "Schweiz"),
    "CY": ("Cyprus", "Zypern"),
    "CZ": ("Czechia", "Tschechien"),
    "DE": ("Germany", "Deutschland"),
    "DK": ("Denmark", "Dänemark"),
    "EE": ("Estonia", "Estland"),
    "ES": ("Spain", "Spanien"),
    "FI": ("Finland", "Finnland"),
    "FR": ("France", "Frankreich"),
    "GB": ("United Kingdom", "Vereinigtes Königreich"),
    "GR": ("Greece", "Griechenland"),
    "HR": ("Croatia", "Kroatien"),
    "HU": ("Hungary", "Ungarn"),
    "IE": ("Ireland", "Irland"),
    "IS": ("Iceland", "Island"),
    "IT": ("Italy", "Italien"),
    "LI": ("Liechtenstein", "Liechtenstein"),
    "LT": ("Lithuania", "Litauen"),
    "LU": ("Luxembourg", "Luxemburg"),
    "LV": ("Latvia", "Lettland"),
    "MT": ("Malta", "Malta"),
    "NL": ("Netherlands", "Niederlande"),
    "NO": ("Norway", "Norwegen"),
    "PL": ("Poland", "Polen"),
    "PT": ("Portugal", "Portugal"),
    "RO": ("Romania", "Rumänien"),
    "SE": ("Sweden", "Schweden"),
    "SI": ("Slovenia", "Slowenien"),
    "SK": ("Slovakia", "Slowakei"),
    "TR": ("Türkiye", "Türkei"),
    "UA": ("Ukraine", "Ukraine"),
    "US": ("United States", "Vereinigte Staaten"),
}


def word(key: str, language: str, **places: object) -> str:
    """Return a text, its places filled; English for any language but German."""
    english, german = _WORDS[key]
    text = german if language == "de" else english
    return text.format(**places) if places else text


def unit(name: str, language: str) -> str:
    """Return how a unit is written; one that is not known is written as it is."""
    key = f"unit_{name}"
    return word(key, language) if key in _WORDS else name


def month(number: int, language: str) -> str:
    """Return the name of a month, 1 to 12."""
    return _MONTHS.get(language, _MONTHS["en"]).split()[number - 1]


def country(code: str, language: str) -> str:
    """Return the name of a country, or its code where we have none."""
    english, german = _COUNTRIES.get(code.upper(), (code.upper(), code.upper()))
    return german if language == "de" else english
