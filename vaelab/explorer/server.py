"""The explorer as a local page whose decoder runs here: any decoder, any size, any backend."""

import ipaddress
import socket
import threading
import webbrowser
from urllib.parse import urlsplit

import numpy as np

from vaelab.system.streams import output

MAX_CODES = 256  # of one request
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def app(page: bytes, decode=None, latent_dim: int = 0, hosts=LOOPBACK):
    """A Starlette application: GET / is the page, POST /decode takes float32 codes and gives float32 pictures.

    Args:
        decode: codes (n, D) -> tuple of views (n, H, W, C); None for a page that decodes by itself.
        hosts: names a browser may use for this server; others are refused, so that no foreign page can reach it
            through a name of its own.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route

    one_at_a_time = threading.Lock()

    def pixels(decode, z):
        with one_at_a_time:
            return np.concatenate([np.reshape(v, (len(z), -1)) for v in decode(z)], axis=1)

    async def index(_):
        return HTMLResponse(page, headers={"cache-control": "no-store", "x-content-type-options": "nosniff"})

    async def decoded(request):
        raw = b""
        try:
            async for chunk in request.stream():
                raw += chunk
                if len(raw) > 4 * latent_dim * MAX_CODES:
                    break
        except ClientDisconnect:  # nobody reads the answer
            return Response(status_code=400)
        if not raw or len(raw) % (4 * latent_dim) or len(raw) > 4 * latent_dim * MAX_CODES:
            return PlainTextResponse(
                f"Expected 1 to {MAX_CODES} codes of {latent_dim} float32 values each ({4 * latent_dim} bytes a code).",
                400,
            )
        z = np.frombuffer(raw, "<f4").reshape(-1, latent_dim)
        if not np.isfinite(z).all():
            return PlainTextResponse("Expected finite codes; got NaN or infinity.", 400)
        y = await run_in_threadpool(pixels, decode, z)
        return Response(np.ascontiguousarray(y, "<f4").tobytes(), media_type="application/octet-stream")

    routes = [Route("/", index)] + ([Route("/decode", decoded, methods=["POST"])] if decode else [])
    application = Starlette(routes=routes)
    known = {_canonical(h) for h in hosts}

    async def of_known_hosts(scope, receive, send):
        headers = dict(scope.get("headers") or ())
        if "*" in known or _canonical(_host_of(headers.get(b"host", b"").decode("latin-1"))) in known:
            await application(scope, receive, send)
        else:
            await PlainTextResponse("This server is not known by that name.", 400)(scope, receive, send)

    return of_known_hosts


def _host_of(header: str) -> str:
    """The name in a Host header, without port and brackets; "" where there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _canonical(host: str) -> str:
    """One spelling for a name or an address."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.lower()


def page(view, *, run_line: str | None, settings: dict) -> bytes:
    """The page for `app`: the same as the file's, without runtime and decoder."""
    from vaelab.explorer import build
    from vaelab.explorer.content import content, refuse_condition

    refuse_condition(view)
    shown = content(view, run_line=run_line, settings=settings)
    return build.page(shown, build.content_blobs(shown), decoder={"kind": "server", "url": "decode"})


def serve(application, bound: socket.socket, *, host: str, open_browser: bool) -> None:
    """Serves an `app` until Ctrl-C; prints its address.

    Args:
        bound: of `address.listening`.
    """
    import uvicorn

    host = host.strip("[]")
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    address = f"http://{name}:{bound.getsockname()[1]}/"
    running = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    output(f"explorer: {address}  (Ctrl-C ends it)")
    if open_browser:
        threading.Timer(0.3, webbrowser.open, [address]).start()
    running.run(sockets=[bound])


def allowed_hosts(host: str) -> tuple[str, ...]:
    """Names a browser may call this server by: loopback, and where others are let in, any name of this machine."""
    host = _canonical(host)
    return LOOPBACK if host in LOOPBACK else ("*",) if host in ("0.0.0.0", "::") else (*LOOPBACK, host)
