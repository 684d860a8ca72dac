"""The explorer as a local page whose decoder runs here: any decoder, any size, any backend."""

import ipaddress
import math
import socket
import threading
import webbrowser
from urllib.parse import urlsplit

import numpy as np

from vaelab.system.streams import output

MAX_CODES = 256  # rows of one request
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def functions(view, settings: dict) -> dict:
    """{name: (floats of a row, function (n, floats) -> (n, .))} that the page of a `LatentView` asks a server for.

    Args:
        settings: the `explorer` node.
    """
    shapes, k = view.data_shapes, 0 if view.condition is None else view.condition.dim
    sizes, latents = [math.prod(s) for s in shapes], view.latent_dim

    def cut(rows, *widths):
        ends = np.cumsum(widths)
        parts = [rows[:, end - w : end] for w, end in zip(widths, ends)]
        return parts if k else parts[:-1]

    def decode(rows):
        return _joined(view.decode(*cut(rows, latents, k)))

    def evaluate(rows):
        code, images = rows[:, : latents + k], rows[:, latents + k :]
        views, (z, *given) = _views(images, sizes, shapes), cut(code, latents, k)
        return _joined((*view.decode(z, *given), view.log_prob((*views, *given), z)[:, None]))

    def encode(rows):
        images, (noise, *given) = rows[:, : sum(sizes)], cut(rows[:, sum(sizes) :], noises, k)
        inputs = (*_views(images, sizes, shapes), *given)
        return view.push(inputs, noise[None])[0][0] if noises else _joined(view.encode(inputs))

    noises = 0 if view.closed_form else view.eps_dim
    found = {"decode": (latents + k, decode)}
    if settings["encoder"]:
        found["evaluate"] = (latents + k + sum(sizes), evaluate)
        found["encode"] = (sum(sizes) + noises + k, encode)
    return found


def _joined(views) -> np.ndarray:
    return np.concatenate([np.reshape(v, (len(v), -1)) for v in views], axis=1)


def _views(rows, sizes, shapes) -> list[np.ndarray]:
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return [part.reshape(-1, *shape) for part, shape in zip(parts, shapes)]


def app(page: bytes, functions=None, hosts=LOOPBACK):
    """A Starlette application: GET / is the page, POST /decode takes float32 rows and gives float32 rows.

    Args:
        functions: {name: (floats of a row, function (n, floats) -> (n, .))}, each at POST /name; None for a page that
            needs none.
        hosts: names a browser may use for this server; others are refused, so that no foreign page can reach it
            through a name of its own.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route

    one_at_a_time = threading.Lock()

    def computed(function, rows):
        with one_at_a_time:
            return function(rows)

    async def index(_):
        return HTMLResponse(page, headers={"cache-control": "no-store", "x-content-type-options": "nosniff"})

    def answering(width, function):
        async def answer(request):
            raw = bytearray()
            try:
                async for chunk in request.stream():
                    raw += chunk
                    if len(raw) > 4 * width * MAX_CODES:
                        break
            except ClientDisconnect:  # nobody reads the answer
                return Response(status_code=400)
            if not raw or len(raw) % (4 * width) or len(raw) > 4 * width * MAX_CODES:
                told = f"Expected 1 to {MAX_CODES} rows of {width} float32 values each ({4 * width} bytes a row)."
                return PlainTextResponse(told, 400)
            rows = np.frombuffer(bytes(raw), "<f4").reshape(-1, width)
            if not np.isfinite(rows).all():
                return PlainTextResponse("Expected finite values; got NaN or infinity.", 400)
            y = await run_in_threadpool(computed, function, rows)
            return Response(np.ascontiguousarray(y, "<f4").tobytes(), media_type="application/octet-stream")

        return answer

    routes = [Route("/", index)]
    routes += [Route(f"/{name}", answering(*f), methods=["POST"]) for name, f in (functions or {}).items()]
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
    from vaelab.explorer.content import content

    shown = content(view, run_line=run_line, settings=settings)
    here = {"kind": "server"}
    encoder = here if settings["encoder"] else None
    return build.page(shown, build.content_blobs(shown), decoder=here, encoder=encoder)


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
