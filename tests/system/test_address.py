"""Addresses a command may listen at."""

import socket

import pytest

from vaelab.errors import ConfigError
from vaelab.system.address import listening


@pytest.mark.parametrize(
    "host", ["192.0.2.7", "not a host", "999.1.1.1", "a..b", "x" * 300, "2001:db8::7", "no.such.invalid"]
)
def test_a_foreign_address_is_not_called_in_use(host):
    with pytest.raises(ConfigError, match="no address of this machine"):
        listening(host, 0)


@pytest.mark.parametrize("port", [-1, 65536, 70000, 10**12])
def test_a_number_that_is_no_port(port):
    with pytest.raises(ConfigError, match="0 to 65535"):
        listening("127.0.0.1", port)


def test_no_host_is_not_every_host():
    with pytest.raises(ConfigError, match="expected an address"):
        listening("", 0)


def test_a_port_in_use_is_called_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port={port} on 127.0.0.1 is in use"):
            listening("127.0.0.1", port)


def test_a_reserved_port_is_called_so(monkeypatch):
    def bind(self, address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(ConfigError, match="below 1024 are reserved"):
        listening("127.0.0.1", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_an_address_of_this_machine(host):
    with listening(host, 0) as bound:
        assert bound.getsockname()[1] > 0
