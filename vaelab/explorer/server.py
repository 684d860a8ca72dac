"""The explorer as a local page whose decoder runs here: any decoder, any size, any backend."""

import socket
import threading
import webbrowser

import numpy as np

from vaelab.errors import ConfigError
from vaelab.explorer import build
from vaelab.explorer.content import content

MAX_CODES = 256  # of one request
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def app(page: bytes, decode, latent_dim: int, hosts=LOOPBACK):
    """A Starlette application: GET / is the page, POST /decode takes float32 codes and gives float32 pictures.

    Args:
        decode: codes (n, D) -> tuple of views (n, H, W, C).
        hosts: names a browser may use for this server; others are refused, so that no foreign page can reach it
            through a name of its own.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route

    one_at_a_time = threading.Lock()

    def joined(z):
        with one_at_a_time:
            return np.concatenate([np.reshape(v, (len(z), -1)) for v in decode(z)], axis=1)

    async def index(_):
        return HTMLResponse(page, headers={"cache-control": "no-store", "x-content-type-options": "nosniff"})

    async def decoded(request):
        raw = b""
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > 4 * latent_dim * MAX_CODES:
                break
        if not raw or len(raw) % (4 * latent_dim) or len(raw) > 4 * latent_dim * MAX_CODES:
            return PlainTextResponse(
                f"Expected 1 to {MAX_CODES} codes of {latent_dim} float32 values each ({4 * latent_dim} bytes a code).",
                400,
            )
        z = np.frombuffer(raw, "<f4").reshape(-1, latent_dim)
        if not np.isfinite(z).all():
            return PlainTextResponse("Expected finite codes; got NaN or infinity.", 400)
        y = await run_in_threadpool(joined, z)
        return Response(np.ascontiguousarray(y, "<f4").tobytes(), media_type="application/octet-stream")

    routes = [Route("/", index), Route("/decode", decoded, methods=["POST"])]
    application = Starlette(routes=routes)
    application.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return application


def page(view, *, run_line: str | None, settings: dict) -> bytes:
    """The page for `app`: the same as the file's, without runtime and decoder."""
    shown = content(view, run_line=run_line, settings=settings)
    return build.page(shown, build.content_blobs(shown), decoder={"kind": "server", "url": "decode"})


def serve(view, bound: socket.socket, *, run_line: str | None, settings: dict, host: str, open_browser: bool) -> None:
    """Serves the page until Ctrl-C; prints its address.

    Args:
        bound: of `listening`.
    """
    import uvicorn

    shown = page(view, run_line=run_line, settings=settings)
    application = app(shown, view.decode, view.latent_dim, allowed_hosts(host))
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    address = f"http://{name}:{bound.getsockname()[1]}/"
    running = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    print(f"explorer: {address}  (Ctrl-C ends it)", flush=True)
    if open_browser:
        threading.Timer(0.3, webbrowser.open, [address]).start()
    running.run(sockets=[bound])


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to host and port (0: a free one); ConfigError where it is taken."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        if isinstance(error, socket.gaierror) or error.errno == 99:  # EADDRNOTAVAIL
            raise ConfigError(f"host={host} is no address of this machine. Use host=127.0.0.1.") from None
        if isinstance(error, PermissionError):
            raise ConfigError(f"port={port} on {host} needs rights you do not have. Try port=8900.") from None
        raise ConfigError(f"port={port} on {host} is in use by another program. Try port={port + 1}.") from None
    except OverflowError:
        bound.close()
        raise ConfigError(f"port={port}: expected 0 to 65535.") from None
    return bound


def allowed_hosts(host: str) -> tuple[str, ...]:
    """Names a browser may call this server by: loopback, and where others are let in, any name of this machine."""
    return LOOPBACK if host in LOOPBACK else ("*",) if host in ("0.0.0.0", "::") else (*LOOPBACK, host)
