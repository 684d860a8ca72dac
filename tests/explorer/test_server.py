"""The server: what it answers, whom it refuses."""

import socket
import urllib.error
import urllib.request

import numpy as np
import pytest

from vaelab.address import listening
from vaelab.errors import ConfigError
from vaelab.explorer import server


def post(address, body, **headers):
    request = urllib.request.Request(f"{address}decode", body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_decodes_as_keras_does(address, run):
    z = np.random.default_rng(0).normal(size=(5, 6)).astype("<f4")
    status, raw = post(address, z.tobytes())
    assert status == 200 and np.abs(np.frombuffer(raw, "<f4").reshape(5, -1) - run.flat(z)).max() < 1e-6


@pytest.mark.parametrize("n_bytes", [0, 1, 23, 25, 4 * 6 * 257])
def test_wrong_lengths_are_refused_with_a_sentence(address, n_bytes):
    status, text = post(address, bytes(n_bytes))
    assert status == 400 and "Expected 1 to 256 codes of 6 float32 values" in text


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_codes_that_are_not_numbers_are_refused(address, bad):
    z = np.zeros((2, 6), "<f4")
    z[1, 3] = bad
    status, text = post(address, z.tobytes())
    assert status == 400 and "finite" in text


def test_foreign_hosts_are_refused(address):
    assert post(address, np.zeros(6, "<f4").tobytes(), Host="evil.example")[0] == 400
    request = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)


def test_the_page_is_not_kept_and_there_is_nothing_else(address):
    with urllib.request.urlopen(address) as answer:
        assert answer.headers["cache-control"] == "no-store" and b"latent explorer" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}etc/passwd")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(f"{address}decode")


def test_a_port_in_use_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port={port} .* in use .* port={port + 1}"):
            listening("127.0.0.1", port)


def test_addresses_that_are_not_ours_and_ports_that_are_none():
    with pytest.raises(ConfigError, match="no address of this machine"):
        listening("192.0.2.7", 0)
    with pytest.raises(ConfigError, match="0 to 65535"):
        listening("127.0.0.1", 70000)


def test_only_listening_to_others_lets_other_names_in():
    assert "*" not in server.allowed_hosts("127.0.0.1") and server.allowed_hosts("0.0.0.0") == ("*",)
    assert "10.0.0.5" in server.allowed_hosts("10.0.0.5")
