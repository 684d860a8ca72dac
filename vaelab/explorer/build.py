"""The explorer as one html file: page, scripts, LiteRT runtime, decoder, codes and pictures, nothing to fetch."""

import base64
import gzip
import hashlib
import html
import json
from pathlib import Path

from vaelab import __version__
from vaelab.errors import ConfigError, RunError
from vaelab.explorer import litert
from vaelab.explorer.content import Content, content, refuse_condition
from vaelab.system.files import write_bytes
from vaelab.system.palette import PALETTE, PALETTE_ON_DARK

HERE = Path(__file__).resolve().parent
SCRIPTS = ("data", "theme", "decoder", "pictures", "map", "codes", "tabs", "save", "commands", "main")
RUNTIME = {"litert": "litert.js.gz", "glue": "glue.js.gz", "wasm": "litert.wasm.gz"}
LIMIT = 45_000_000  # bytes; MLflow's viewer refuses 50 MiB
TOLERANCE, TOLERANCE_HALF = 1e-4, 1 / 255  # largest difference to Keras's pictures, in shares of the display range


def write(path, view, decoder, *, run_line: str | None, settings: dict, fingerprint: str = "") -> Path:
    """Writes the self-contained page of a run.

    Args:
        path: the html file; its folder is made.
        view: the run's `LatentView`.
        decoder: functional Keras model z (B, D) -> image mean, one output per view; built-in layers only.
        run_line: "run=outputs/...", for the commands the page offers to copy, or None.
        settings: the `explorer` node: those of `content` and half_precision_above (MB of decoder).
        fingerprint: what the page is made of, kept in it (`<meta name="made-of">`).

    Raises:
        ConfigError: the decoder cannot run in a browser or the file would be too large; the sentence names the server.
        RunError: the decoder is not this run's.
    """
    path = Path(path)
    refuse_condition(view)
    if decoder.input_shape[-1] != view.latent_dim:
        raise RunError(f"The decoder takes {decoder.input_shape[-1]} latents, the run has {view.latent_dim}.")
    half = decoder.count_params() * 4 > settings["half_precision_above"] * 1e6
    instead = f"Explore this run with the server: vaelab explore {run_line or 'run=...'}"
    estimate = decoder.count_params() * (2 if half else 4) * 1.25
    if estimate > LIMIT:
        raise ConfigError(f"{path.name}: the decoder alone would take about {_mb(estimate)}, {_limit()} {instead}")
    try:
        model = litert.convert(decoder, half=half)
    except litert.ExportError as error:
        raise ConfigError(f"{path.name} was not written. {error} {instead}") from None
    shown = content(view, run_line=run_line, settings=settings)
    blobs = content_blobs(shown) | {"model": _packed(model)}
    blobs |= {name: (HERE / "vendor" / file).read_bytes() for name, file in RUNTIME.items()}
    blobs["worker"] = _packed((HERE / "page" / "worker.js").read_bytes())
    notices = (HERE / "vendor" / "THIRD_PARTY_NOTICES.txt").read_bytes()
    blobs["licences"] = _packed((HERE / "vendor" / "LICENSE").read_bytes() + b"\n\n" + notices)
    text = page(
        shown,
        blobs,
        fingerprint=fingerprint,
        decoder={"kind": "page", "half": half, "parameters": decoder.count_params()},
    )
    size = len(text)
    if size > LIMIT:
        largest = sorted(((len(b), n) for n, b in blobs.items()), reverse=True)[:3]
        parts = ", ".join(f"{_SPOKEN.get(n.partition('-')[0], n)} {_mb(4 / 3 * b)}" for b, n in largest)
        less = " explorer.thumbnails=false or fewer explorer.points make it smaller." if shown.atlases else ""
        raise ConfigError(f"{path.name} would take {_mb(size)} ({parts}), {_limit()}{less} {instead}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text)
    return path


_SPOKEN = {"model": "decoder", "atlas": "small pictures", "wasm": "runtime", "maps": "maps"}


def _mb(n_bytes) -> str:
    return f"{n_bytes / 1e6:.1f} MB"


def _limit() -> str:
    return f"more than the {LIMIT / 1e6:.0f} MB that browsers and MLflow's viewer take well."


def content_blobs(shown: Content) -> dict[str, bytes]:
    """{name: packed bytes} of what the page reads besides its JSON."""
    blobs = {
        "codes": shown.codes.tobytes(),
        "colours": shown.colours.tobytes(),
        "maps": shown.maps.astype("<f4").tobytes(),
        "golden-z": shown.golden_z.astype("<f4").tobytes(),
        "golden-y": shown.golden_y.astype("<f4").tobytes(),
    }
    packed = {name: _packed(raw) for name, raw in blobs.items() if raw}
    return packed | {f"atlas-{v}": image for v, image in enumerate(shown.atlases)}


def page(shown: Content, blobs: dict[str, bytes], *, decoder: dict, fingerprint: str = "") -> bytes:
    """The html. A content security policy in it allows this very script and style and no connection.

    Args:
        blobs: {name: gzip bytes, or an image}, kept as base64 where no script can be smuggled in.
        decoder: {"kind": "page", ...} or {"kind": "server", "url": ...}.
    """
    facts = shown.facts | {
        "codeBytes": shown.codes.dtype.itemsize,
        "decoder": decoder,
        "tolerance": TOLERANCE_HALF if decoder.get("half") else TOLERANCE,
        "version": __version__,
    }
    script, style = _own()
    values = {
        "POLICY": _policy(script, style, decoder["kind"]),
        "FINGERPRINT": html.escape(fingerprint),
        "TITLE": html.escape(shown.facts["title"]),
        "STYLE": style,
        "FACTS": json.dumps(facts).replace("<", "\\u003c"),
        "BLOBS": "\n".join(
            f'<script type="application/octet-stream" id="b-{name}">{base64.b64encode(raw).decode()}</script>'
            for name, raw in blobs.items()
        ),
        "SCRIPT": script,
    }
    pieces = _template()
    pieces[1::2] = [values[name] for name in pieces[1::2]]
    return "".join(pieces).encode("utf-8", "replace")


def is_own(content: bytes) -> bool:
    """Whether a page begins with the policy that lets nothing but vaelab's own script and style of today run in it.

    What a folder of somebody else's calls explorer.html is shown only if so: after that policy no other script can.
    """
    return content.startswith((_template()[0] + _policy(*_own(), "page") + '"').encode())


def _template() -> list[str]:
    """page.html in pieces: text, NAME, text, NAME, ..., text."""
    return (HERE / "page" / "page.html").read_text(encoding="utf-8").split("@@")


def _own() -> tuple[str, str]:
    """(script, style) of the page."""
    source = HERE / "page"
    colours = f"const LIGHT = {json.dumps(PALETTE)}, DARK = {json.dumps(PALETTE_ON_DARK)};"
    script = "\n".join([colours, *((source / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)])
    return f"(() => {{\n'use strict';\n{script}\n}})();", (source / "style.css").read_text(encoding="utf-8")


def _policy(script: str, style: str, kind: str) -> str:
    """The content security policy of a page that decodes by itself ("page") or by its server ("server")."""
    here = kind == "page"  # a server's page compiles and starts nothing
    policy = {
        "default-src": "'none'",
        "script-src": f"'{_digest(script)}'" + (" 'wasm-unsafe-eval' blob:" if here else ""),
        **({"worker-src": "blob:"} if here else {}),
        "style-src": f"'{_digest(style)}'",
        "img-src": "blob: data:",
        "connect-src": "'none'" if here else "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{k} {v}" for k, v in policy.items())


def _packed(raw: bytes) -> bytes:
    return gzip.compress(raw, 9, mtime=0)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
