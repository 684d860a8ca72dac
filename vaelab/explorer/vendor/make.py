"""Makes the files of this folder from npm: `python make.py` (needs node with npm, and `pip install zopfli`).

Nobody needs this to install or run vaelab. It is the record of where the files come from and how to renew them:
change VERSION, run it, put the printed checksums into tests/explorer/test_vendor.py, look at `git diff`, and run the
explorer's tests. The licence texts beside it (LICENSE, THIRD_PARTY_NOTICES.txt) are kept by hand.

  litert.js.gz    @litertjs/core and @litertjs/wasm-utils in one classic script, global `LiteRT` (esbuild)
  glue.js.gz      wasm/litert_wasm_compat_internal.js of @litertjs/core, unchanged
  litert.wasm.gz  wasm/litert_wasm_compat_internal.wasm of @litertjs/core, unchanged

"compat" is the build without relaxed SIMD, threads or JSPI: the one that runs in Chromium, Firefox and WebKit alike.
"""

import hashlib
import subprocess
import tempfile
from pathlib import Path

VERSION = "2.5.3"
ESBUILD = "0.28.2"
HERE = Path(__file__).resolve().parent


def main():
    import zopfli.gzip

    with tempfile.TemporaryDirectory() as folder:
        shell = lambda *words: subprocess.run(words, cwd=folder, check=True)  # noqa: E731
        shell("npm", "init", "--yes")
        shell(
            "npm", "install", "--ignore-scripts", f"@litertjs/core@{VERSION}", f"@litertjs/wasm-utils@{VERSION}"
        )
        core = Path(folder, "node_modules/@litertjs/core")
        shell(
            "npx", "--yes", f"esbuild@{ESBUILD}", str(core / "dist/index.js"),
            "--bundle", "--minify", "--format=iife", "--global-name=LiteRT", "--outfile=litert.js",
        )  # fmt: skip
        sources = {
            "litert.js.gz": Path(folder, "litert.js"),
            "glue.js.gz": core / "wasm/litert_wasm_compat_internal.js",
            "litert.wasm.gz": core / "wasm/litert_wasm_compat_internal.wasm",
        }
        for name, source in sources.items():
            content = source.read_bytes()
            (HERE / name).write_bytes(zopfli.gzip.compress(content, numiterations=15))
            print(name, hashlib.sha256((HERE / name).read_bytes()).hexdigest(), "unpacked", _sha256(content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
