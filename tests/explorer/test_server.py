"""The server: what it answers, whom it refuses."""

import asyncio
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vaelab.errors import ConfigError
from vaelab.explorer import server
from vaelab.system.address import listening


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
    assert status == 400 and "Expected 1 to 256 rows of 6 float32 values" in text


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


def answer(address, request: bytes) -> bytes:
    """What the server sends to raw bytes."""
    host, _, port = address.removeprefix("http://").rstrip("/").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


HEAD = b"POST /decode HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: "


@pytest.mark.parametrize("length", [b"-1", b"x", b"1e3", b""])
def test_a_length_that_is_none_is_refused(address, length):
    assert answer(address, HEAD + length + b"\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_an_oversized_body_is_not_read_to_its_end(address):
    body = bytes(4 * 6 * 257)
    assert b"400" in answer(address, HEAD + b"99999999999999\r\n\r\n" + body).split(b"\r\n")[0]


def test_a_client_that_hangs_up_leaves_no_trace(address, caplog):
    assert b"500" not in answer(address, HEAD + b"48\r\n\r\n" + bytes(24)).split(b"\r\n")[0]
    assert post(address, np.zeros(6, "<f4").tobytes())[0] == 200
    assert not caplog.records


def asked(application, host: str, path="/", method="GET") -> int:
    """The status a request for `host` gets."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())], "query_string": b""}
    with ThreadPoolExecutor() as own:  # playwright's loop may run in this thread
        own.submit(lambda: asyncio.run(application(scope, receive, send))).result()
    return sent[0]["status"]


@pytest.mark.parametrize(
    "host,header,known",
    [
        ("::1", "[::1]:8900", True),
        ("::1", "[0:0:0:0:0:0:0:1]:8900", True),
        ("[::1]", "[::1]", True),
        ("::1", "127.0.0.1:8900", True),
        ("127.0.0.1", "LOCALHOST:1", True),
        ("10.0.0.5", "10.0.0.5:8900", True),
        ("10.0.0.5", "evil.example", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[::1", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("0.0.0.0", "anything:1", True),
        ("::", "anything", True),
    ],
)
def test_names_a_browser_may_use(host, header, known):
    assert asked(server.app(b"page", hosts=server.allowed_hosts(host)), header) == (200 if known else 400)


def test_a_page_that_decodes_by_itself_has_no_other_address():
    application = server.app(b"page")
    assert asked(application, "127.0.0.1") == 200 and asked(application, "127.0.0.1", "/decode", "POST") == 404


def test_a_page_s_functions_equal_the_run_s_with_condition_noise_and_views():
    from fake_run import FakeRun, settings

    for more in ({"conditional": True}, {"closed_form": False}, {}):
        run = FakeRun(latent_dim=3, shapes=((4, 4, 1), (3, 2, 3)), n=30, **more)
        found = server.functions(run, settings())
        x, given, z = run.split_.images(slice(0, 5)), run.split_.given(slice(0, 5)), run.codes[:5]
        noise = () if run.closed_form else (np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32),)
        joined = lambda *parts: np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)  # noqa: E731
        wanted = {
            "decode": (joined(z, *given), run.flat(z, *given)),
            "evaluate": (joined(z, *given, *x), joined(run.flat(z, *given), run.log_prob((*x, *given), z)[:, None])),
            "encode": (
                joined(*x, *noise, *given),
                run.push((*x, *given), noise[0][None])[0][0] if noise else joined(*run.encode((*x, *given))),
            ),
        }
        for name, (rows, expected) in wanted.items():
            width, function = found[name]
            assert width == rows.shape[1] and np.allclose(function(rows), expected, atol=1e-5), name
    assert set(server.functions(run, settings(encoder=False))) == {"decode"}
