"""The login is computed as printers compute it; a wrong one locks the user out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from custom_components.printernizer.engine.drivers.prusalink.digest import (
    Challenge,
    authorization,
    parse_challenge,
)

SHARED = Path(__file__).parents[5] / "shared/fixtures/prusalink"


def test_the_oldest_form_names_nothing_that_old_firmware_rejects() -> None:
    challenge = parse_challenge(
        ['Digest realm="Printer API", nonce="aaaaaaaa00000000", stale=false']
    )
    assert challenge is not None
    answer = authorization(
        challenge, username="maker", password="password", method="GET", target="/secret.html"
    )
    assert answer == (
        'Digest username="maker", realm="Printer API", nonce="aaaaaaaa00000000", '
        'uri="/secret.html", response="0cbf0ac5ca4c879c35a3b91430214a47"'
    )


def test_the_published_vector_of_the_firmware_comes_out() -> None:
    path = SHARED / "buddy/digest_vector.json"
    if not path.exists():
        pytest.skip("shared fixtures are not here")
    given = json.loads(path.read_text())
    answer = authorization(
        Challenge(realm=given["realm"], nonce=given["nonce"]),
        username=given["username"],
        password=given["password"],
        method=given["method"],
        target=given["uri"],
    )
    assert f'response="{given["response"]}"' in answer


def test_the_session_form_hashes_the_nonces_into_the_secret() -> None:
    header = (
        'Digest realm="Administrator",qop="auth",algorithm="MD5-sess",'
        'nonce="n0",opaque="o0",stale=true'
    )
    challenge = parse_challenge(['Basic realm="x"', header])
    assert challenge == Challenge(
        realm="Administrator", nonce="n0", opaque="o0", algorithm="MD5-sess", qop=True, stale=True
    )
    answer = authorization(
        challenge,
        username="u",
        password="p",
        method="PUT",
        target="/a?b",
        count=2,
        client_nonce="c",
    )

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    proof = md5(f"{md5(f'{md5("u:Administrator:p")}:n0:c')}:n0:00000002:c:auth:{md5('PUT:/a?b')}")
    assert f'response="{proof}"' in answer
    assert 'algorithm=MD5-sess, opaque="o0", qop=auth, nc=00000002, cnonce="c"' in answer


def test_sha_256_is_answered_with_sha_256() -> None:
    challenge = parse_challenge(['Digest realm="r", nonce="n", algorithm=SHA-256'])
    assert challenge is not None
    answer = authorization(challenge, username="u", password="p", method="GET", target="/")
    assert len(answer.split('response="')[1].split('"')[0]) == 64


@pytest.mark.parametrize(
    "header",
    [
        'Basic realm="Printer API"',
        'ApiKey realm="Printer API"',
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", qop="auth-int"',
        "Digest",
        "",
    ],
)
def test_a_challenge_we_cannot_answer_is_none(header: str) -> None:
    assert parse_challenge([header]) is None


def test_quotes_in_names_neither_break_in_nor_out() -> None:
    challenge = parse_challenge(['Digest realm="a\\"b", nonce="n"'])
    assert challenge is not None
    assert challenge.realm == 'a"b'
    answer = authorization(challenge, username='x"y', password="p", method="GET", target="/")
    assert 'username="x\\"y", realm="a\\"b"' in answer
