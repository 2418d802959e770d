"""What people type as an address is read as they mean it."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.drivers.whereabouts import addresses, at_host, host_in


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (" octopi.local ", ("http://octopi.local:5000", "http://octopi.local",
                            "https://octopi.local")),
        ("192.168.1.5:8080", ("http://192.168.1.5:8080", "https://192.168.1.5:8080")),
        ("pi:443", ("https://pi:443", "http://pi:443")),
        ("fe80::1", ("http://[fe80::1]:5000", "http://[fe80::1]", "https://[fe80::1]")),
        ("[fe80::1]:81", ("http://[fe80::1]:81", "https://[fe80::1]:81")),
        ("http://pi:5001/", ("http://pi:5001",)),
        ("https://Pi.Example/", ("https://pi.example",)),
        ("http://pi", ("http://pi", "https://pi")),
        ("https://pi/a/b/c/d?x=1#y", ("https://pi/a/b/c", "https://pi/a/b", "https://pi/a",
                                      "https://pi")),
        ("pi/octoprint", ("http://pi:5000/octoprint", "http://pi/octoprint",
                          "https://pi/octoprint", "http://pi:5000", "http://pi", "https://pi")),
        ("", ()),
        ("ftp://pi", ()),
        ("http://", ()),
        ("what is that?", ()),
        ("pi:99999", ()),
        ("pi:0", ()),
        ("pi:x", ()),
        ("[fe80::1", ()),
        ("pi\x00.local", ()),
    ],
    ids=repr,
)  # fmt: skip
def test_an_address_is_read_as_people_type_and_paste_it(typed: str, read: tuple[str, ...]) -> None:
    """From the browser's bar, from the router's list, from memory."""
    assert addresses(typed, port=5000) == read


@pytest.mark.parametrize("typed", ["http://ada:secret@pi", "ada@pi.local"])
def test_a_login_in_an_address_is_not_taken(typed: str) -> None:
    """It would be stored, logged and shown as an address is."""
    with pytest.raises(ValueError, match="login"):
        addresses(typed, port=5000)


def test_an_endless_address_is_cut() -> None:
    """Whoever types can paste anything."""
    assert len(addresses("pi/" + "a/" * 100_000, port=5000)) == 12


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://pi.local:5000/a", "pi.local"),
        ("https://[fe80::1]/", "fe80::1"),
        ("http://", None),
        ("http://[", None),
    ],
)
def test_the_host_of_a_url(url: str, host: str | None) -> None:
    """Announcements and leases name hosts, not URLs."""
    assert host_in(url) == host


@pytest.mark.parametrize(
    ("url", "host", "there"),
    [
        ("http://10.0.0.1:5000/a", "10.0.0.2", "http://10.0.0.2:5000/a"),
        ("https://10.0.0.1", "fe80::1", "https://[fe80::1]"),
    ],
)
def test_a_server_at_another_host_keeps_the_rest(url: str, host: str, there: str) -> None:
    """The router gives an address, not a port."""
    assert at_host(url, host) == there
