"""Addresses that people paste, share, and smuggle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.web_address import (
    LONGEST_ADDRESS,
    host_of,
    shared,
    web_address,
    words_of,
)

CYRILLIC_A = "\u0430"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.org", "https://example.org/"),
        ("  HTTPS://Example.ORG:443/Model/1\n", "https://example.org/Model/1"),
        ("http://example.org:8080/a b".replace(" ", "%20"), "http://example.org:8080/a%20b"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org./x", "https://example.org/x"),
        ("https://anna:geheim@example.org/x", "https://example.org/x"),
        ("https://geheim@example.org/x", "https://example.org/x"),
        ("https://example.org/Würfel", "https://example.org/W%C3%BCrfel"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://example.org/x?a=1&token=geheim&b=2", "https://example.org/x?a=1&b=2"),
        ("https://example.org/x?Access%5FToken=geheim", "https://example.org/x"),
        ("https://example.org/x?utm_source=app&fbclid=1&id=7", "https://example.org/x?id=7"),
        ("https://example.org/x#profileId-9", "https://example.org/x#profileId-9"),
        ("https://example.org/x#access_token=geheim&a=1", "https://example.org/x"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://example\u3002org/x", "https://example.org/x"),
        ("http://192.168.1.20/model", "http://192.168.1.20/model"),
        ("http://[2001:DB8::0001]:81/", "http://[2001:db8::1]:81/"),
        ("http://[fe80::1%25<eth>]/", "http://[fe80::1]/"),
    ],
    ids=range(19),
)
def test_an_address_is_written_one_way(given: str, kept: str) -> None:
    """The same model added twice is one idea, and nobody's password is on the list."""
    assert web_address(given) == kept
    assert web_address(kept) == kept


def test_a_look_alike_does_not_look_alike() -> None:
    """Who clicks "printables" with a Cyrillic a must see that it is another site."""
    kept = web_address(f"https://print{CYRILLIC_A}bles.com/model/1")
    assert kept == "https://xn--printbles-7fg.com/model/1" or host_of(kept).startswith("xn--")
    assert kept.isascii()


HOSTILE = {
    "nothing": "",
    "blanks": "   ",
    "javascript": "javascript:alert(1)",
    "javascript with a host": "javascript://example.org/%0aalert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "file": "file:///etc/passwd",
    "file share": "file://server/share",
    "ftp": "ftp://example.org/x",
    "no scheme": "example.org/x",
    "another site's path": "//example.org/x",
    "no host": "https:///x",
    "no host but a port": "https://:443/x",
    "a newline within": "https://example.org/a\nb",
    "a tab in the scheme": "java\tscript:alert(1)",
    "a nul": "https://example.org/\x00",
    "an escape": "https://example.org/\x1b[31m",
    "text turned round": "https://example.org/\u202egpj.exe",
    "a blank": "https://example.org/a b",
    "a backslash": "https://evil.example\\@printables.com/",
    "a port that is none": "https://example.org:99999/",
    "a port of letters": "https://example.org:port/",
    "half an address of IPv6": "http://[::1/",
    "no address of IPv6": "http://[zz::1]/",
    "an address of the future": "http://[v1.a:b]/",
    "an encoded host": "https://ex%61mple.org/",
    "an empty label": "https://example..org/",
    "a label of a dash": "https://-example.org/",
    "a long label": f"https://{'a' * 64}.org/",
    "a long host": f"https://{'a.' * 130}org/",
    "a surrogate": "https://example.org/\ud800",
    "ten kilobytes": "https://example.org/" + "a" * 10_000,
    "long when written out": "https://example.org/" + "ü" * 1_000,
    "angle brackets": "https://<script>/",
}


@pytest.mark.parametrize("given", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_leads_elsewhere_is_refused(given: str) -> None:
    """A link on a dashboard that runs a script acts with the rights of who clicks it."""
    with pytest.raises(NotAllowed) as refusal:
        web_address(given)
    assert refusal.value.key == "bad_url"


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(NotAllowed) as refusal:
        web_address("ftp://anna:geheim@example.org/")
    assert "geheim" not in str(refusal.value)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(max_size=40).map("https://".__add__)))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """A share sheet hands in anything."""
    try:
        kept = web_address(text)
    except NotAllowed:
        return
    assert kept.startswith(("http://", "https://"))
    assert kept.isascii()
    assert kept.isprintable()
    assert len(kept) <= LONGEST_ADDRESS
    assert host_of(kept)
    assert web_address(kept) == kept
    assert words_of(kept)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://www.printables.com/model/123456-cute-dragon", "cute dragon"),
        ("https://makerworld.com/en/models/7-vase_mode-lamp#profileId-1", "vase mode lamp"),
        ("https://www.thingiverse.com/thing:763622", "www.thingiverse.com/thing:763622"),
        ("https://makerworld.com/models/12345", "makerworld.com/models/12345"),
        ("https://example.org/", "example.org"),
        ("https://example.org/W%C3%BCrfel.html", "Würfel"),
    ],
    ids=range(6),
)
def test_the_words_of_an_address_make_a_title(address: str, words: str) -> None:
    assert words_of(address) == words


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("Cute dragon https://example.org/1", "https://example.org/1", "Cute dragon"),
        ("https://example.org/1\nfor Anna", "https://example.org/1", "for Anna"),
        ("HTTP://example.org and https://b.example", "HTTP://example.org", "and https://b.example"),
        ("a vase\n for Anna", None, "a vase for Anna"),
        ("javascript:alert(1)", None, "javascript:alert(1)"),
    ],
    ids=range(5),
)
def test_the_address_in_what_an_app_shares_is_found(
    text: str, address: str | None, rest: str
) -> None:
    """Apps share a sentence with a link in it; the link alone is what is wanted."""
    assert shared(text) == (address, rest)
