"""The explorer as one html file: page, scripts, LiteRT runtime, models, codes and pictures, nothing to fetch."""

import base64
import gzip
import hashlib
import html
import json
import logging
from pathlib import Path

from vaelab import __version__
from vaelab.errors import ConfigError, RunError, first_line
from vaelab.explorer import litert
from vaelab.explorer.content import Content, content
from vaelab.system.files import write_bytes
from vaelab.system.palette import PALETTE, PALETTE_ON_DARK
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
SCRIPTS = (
    "base", "data", "theme", "networks", "decoder", "pictures", "map", "space", "density", "codes", "condition", "tabs",
    "pad", "encode", "find", "training", "save", "commands", "address", "main",
)  # fmt: skip
RUNTIME = {"litert": "litert.js.gz", "glue": "glue.js.gz", "wasm": "litert.wasm.gz"}
LIMIT = 45_000_000  # bytes; MLflow's viewer refuses 50 MiB
# Largest differences to Keras: of pictures in shares of the display range, of other numbers by 1 + their size.
TOLERANCE = {"pictures": 1e-4, "numbers": 1e-4}
TOLERANCE_HALF = {"pictures": 1 / 255, "numbers": 0.02}


class _Unfit(ConfigError):
    """A browser cannot run this, or not this much of it."""


def write(path, view, decoder, *, encoder=None, run_line: str | None, settings: dict, fingerprint: str = "") -> Path:
    """Writes the self-contained page of a run.

    Args:
        path: the html file; its folder is made.
        view: the run's `LatentView`.
        decoder: functional Keras model z (B, D) [, condition] -> image mean, one output per view; built-in layers only.
        encoder: functional Keras model image(s) [, noise] [, condition] -> (mean, std), or z of the noise. With one,
            the page takes images, too; where a browser cannot run it or the file would be too large, a line says that
            the page comes without.
        run_line: "run=outputs/...", for the commands the page offers to copy, or None.
        settings: the `explorer` node: those of `content` and half_precision_above (MB of a model).
        fingerprint: what the page is made of, kept in it (`<meta name="made-of">`).

    Raises:
        ConfigError: the decoder cannot run in a browser or the file would be too large; the sentence names the server.
        RunError: the decoder is not this run's.
    """
    path = Path(path)
    latents = decoder.inputs[0].shape[-1]
    if latents != view.latent_dim:
        raise RunError(f"The decoder takes {latents} latents, the run has {view.latent_dim}.")
    text = None
    if encoder is not None:
        try:
            models = {"decoder": _likelihood(view), "encoder": encoder}
            text = _text(path, view, models, run_line, {**settings, "encoder": True}, fingerprint)
        except _Unfit as error:
            log.log(NOTE, f"{path.name} has no encoder: {error}")
    if text is None:
        text = _text(path, view, {"decoder": decoder}, run_line, {**settings, "encoder": False}, fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text)
    return path


def _likelihood(view):
    """The run's decoder with its likelihood; a part of the user's may have one that cannot be traced."""
    try:
        return view.likelihood_model()
    except Exception as error:
        raise _Unfit(f"log p(x|z) is not made of Keras operations alone ({first_line(error)}).") from None


def _text(path, view, models: dict, run_line, settings: dict, fingerprint: str) -> bytes:
    instead = f"Explore this run with the server: vaelab explore {run_line or 'run=...'}"
    half = {name: m.count_params() * 4 > settings["half_precision_above"] * 1e6 for name, m in models.items()}
    sizes = {name: m.count_params() * (2 if half[name] else 4) * 1.25 for name, m in models.items()}
    if sum(sizes.values()) > LIMIT:
        which = " and ".join(f"the {name}" for name in models)
        raise _Unfit(f"{path.name}: {which} alone would take about {_mb(sum(sizes.values()))}, {_limit()} {instead}")
    try:
        converted = {name: litert.convert(m, half=half[name]) for name, m in models.items()}
    except litert.ExportError as error:
        raise _Unfit(f"{path.name} was not written. {error} {instead}") from None
    shown = content(view, run_line=run_line, settings=settings)
    blobs = content_blobs(shown) | {name: packed(model) for name, model in converted.items()}
    blobs |= {name: (HERE / "vendor" / file).read_bytes() for name, file in RUNTIME.items()}
    blobs["worker"] = packed((HERE / "page" / "worker.js").read_bytes())
    notices = (HERE / "vendor" / "THIRD_PARTY_NOTICES.txt").read_bytes()
    blobs["licences"] = packed((HERE / "vendor" / "LICENSE").read_bytes() + b"\n\n" + notices)
    told = {
        name: {"kind": "page", "half": half[name], "parameters": m.count_params(), "bytes": 4 * len(blobs[name]) // 3}
        for name, m in models.items()
    }
    text = page(shown, blobs, fingerprint=fingerprint, **told)
    if len(text) > LIMIT:
        largest = sorted(((len(b), n) for n, b in blobs.items()), reverse=True)[:3]
        parts = ", ".join(f"{_SPOKEN.get(n.partition('-')[0], n)} {_mb(4 / 3 * b)}" for b, n in largest)
        less = " explorer.thumbnails=false or fewer explorer.points make it smaller." if shown.atlases else ""
        raise _Unfit(f"{path.name} would take {_mb(len(text))} ({parts}), {_limit()}{less} {instead}")
    return text


_SPOKEN = {"atlas": "small pictures", "wasm": "runtime", "maps": "maps", "frame": "kept epochs"}


def _mb(n_bytes) -> str:
    return f"{n_bytes / 1e6:.1f} MB"


def _limit() -> str:
    return f"more than the {LIMIT / 1e6:.0f} MB that browsers and MLflow's viewer take well."


def content_blobs(shown: Content) -> dict[str, bytes]:
    """{name: packed bytes} of what the page reads besides its JSON."""
    blobs = {
        "codes": shown.codes.tobytes(),
        "stds": shown.stds.tobytes(),
        "draws": shown.draws.tobytes(),
        "colours": shown.colours.tobytes(),
        "numbers": shown.numbers.tobytes(),
        "given": shown.given.astype("<f4").tobytes(),
        "maps": shown.maps.astype("<f4").tobytes(),
    }
    for name, pair in shown.golden.items():
        blobs |= {f"golden-{name}-{end}": rows.tobytes() for end, rows in zip(("in", "out"), pair)}
    images = {f"atlas-{v}": image for v, image in enumerate(shown.atlases)}
    if shown.frames:
        blobs |= {"frame-places": shown.frames.places.tobytes(), "frame-codes": shown.frames.codes.tobytes()}
        images |= {f"frame-atlas-{v}": image for v, image in enumerate(shown.frames.sheets)}
    return {name: packed(raw) for name, raw in blobs.items() if raw} | images


def page(
    shown: Content, blobs: dict[str, bytes], *, decoder: dict, encoder: dict | None = None, fingerprint=""
) -> bytes:
    """The html. A content security policy in it allows this very script and style and no connection.

    Args:
        blobs: {name: gzip bytes, or an image}, kept as base64 where no script can be smuggled in.
        decoder, encoder: {"kind": "page", ...} or {"kind": "server"}; None for a page that takes no images.
    """
    facts = shown.facts | {
        "bytes": {name: getattr(shown, name).dtype.itemsize for name in ("codes", "stds", "draws")},
        "draws": len(shown.draws),
        "frames": shown.frames and shown.frames.facts | _frames_size(shown.frames, blobs),
        "decoder": decoder,
        "encoder": encoder,
        "tolerance": {
            name: (TOLERANCE_HALF if model and model.get("half") else TOLERANCE)
            for name, model in (("decode", decoder), ("encode", encoder))
        },
        "version": __version__,
    }
    return _filled("page", _own("page"), facts, blobs, decoder["kind"], FINGERPRINT=html.escape(fingerprint))


def _frames_size(frames, blobs) -> dict:
    parts = sum(len(raw) for name, raw in blobs.items() if name.startswith("frame-"))
    return {"bytes": 4 * parts // 3, "codeBytes": frames.codes.dtype.itemsize}


def sweep_page(facts: dict, blobs: dict) -> bytes:
    """The html of a sweep's members, all of them decoded in the page; facts and blobs are those of `explorer.sweep`."""
    blobs = blobs | {name: (HERE / "vendor" / file).read_bytes() for name, file in RUNTIME.items()}
    blobs["worker"] = packed((HERE / "page" / "worker.js").read_bytes())
    notices = (HERE / "vendor" / "THIRD_PARTY_NOTICES.txt").read_bytes()
    blobs["licences"] = packed((HERE / "vendor" / "LICENSE").read_bytes() + b"\n\n" + notices)
    return _filled("sweep_page", _own("sweep_page"), facts | {"version": __version__}, blobs, "page")


def _filled(folder: str, own: tuple[str, str], facts: dict, blobs: dict, kind: str, **more: str) -> bytes:
    """A template with its script, style, policy, facts and blobs."""
    script, style = own
    values = more | {
        "POLICY": _policy(script, style, kind),
        "TITLE": html.escape(facts["title"]),
        "STYLE": style,
        "FACTS": json.dumps(facts).replace("<", "\\u003c"),
        "BLOBS": "\n".join(
            f'<script type="application/octet-stream" id="b-{name}">{base64.b64encode(raw).decode()}</script>'
            for name, raw in blobs.items()
        ),
        "SCRIPT": script,
    }
    pieces = _template(folder)
    pieces[1::2] = [values[name] for name in pieces[1::2]]
    return "".join(pieces).encode("utf-8", "replace")


def is_own(content: bytes) -> bool:
    """Whether a page begins with the policy that lets nothing but vaelab's own script and style of today run in it.

    What a folder of somebody else's calls explorer.html is shown only if so: after that policy no other script can.
    """
    return content.startswith((_template("page")[0] + _policy(*_own("page"), "page") + '"').encode())


def _template(folder: str) -> list[str]:
    """page.html in pieces: text, NAME, text, NAME, ..., text."""
    return (HERE / folder / "page.html").read_text(encoding="utf-8").split("@@")


def _own(folder: str) -> tuple[str, str]:
    """(script, style) of a page; a sweep's has its own after what it shares with a run's."""
    files = {
        "page": [f"page/{name}.js" for name in SCRIPTS] + ["page/style.css"],
        "sweep_page": ["page/base.js", "page/theme.js", "page/networks.js", "sweep_page/sweep.js",
                       "page/style.css", "sweep_page/sweep.css"],
    }[folder]  # fmt: skip
    texts = {file: (HERE / file).read_text(encoding="utf-8") for file in files}
    colours = f"const LIGHT = {json.dumps(PALETTE)}, DARK = {json.dumps(PALETTE_ON_DARK)};"
    script = "\n".join([colours, *(text for file, text in texts.items() if file.endswith(".js"))])
    style = "\n".join(text for file, text in texts.items() if file.endswith(".css"))
    return f"(() => {{\n'use strict';\n{script}\n}})();", style


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


def packed(raw: bytes) -> bytes:
    return gzip.compress(raw, 9, mtime=0)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
