"""Downloads against a small server that breaks off, is busy, lies, or knows nothing of ranges."""

import gzip
import hashlib
import io
import multiprocessing
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from small_data import load

from vaelab.datasets import download
from vaelab.errors import DataError

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Answers /name with `files[name]`; `plan` holds what goes wrong first: "503", "cut" (half, then closed)."""

    def __init__(self, files, *, plan=(), ranges=True):
        self.files, self.plan, self.ranges, self.requests = files, list(plan), ranges, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        content = server.files.get(self.path.strip("/"))
        server.requests.append((self.path, self.headers.get("Range")))
        if content is None:
            return self.send_error(404)
        step = server.plan.pop(0) if server.plan else None
        if step == "503":
            return self.send_error(503)
        start, etag = 0, f'"{hashlib.md5(content).hexdigest()}"'
        asked = self.headers.get("Range")
        if asked and server.ranges and self.headers.get("If-Range") == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(content[start:][: (len(content) - start) // 2] if step == "cut" else content[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda s: None)
    servers = []

    def start(files, **options):
        servers.append(Server(files, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def entry(server, name="data.bin", **more):
    return {"name": name, "url": f"{server.url}/{name}", "sha256": hashlib.sha256(CONTENT).hexdigest(), **more}


def left(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_plain_download(serve, tmp_path):
    server = serve({"data.bin": CONTENT})
    path = download.download("x", entry(server), tmp_path)
    assert path.read_bytes() == CONTENT and left(tmp_path) == ["data.bin"]
    download.download("x", entry(server), tmp_path)
    assert len(server.requests) == 1  # what is there is not fetched again


def test_a_busy_server_is_asked_again(serve, tmp_path):
    server = serve({"data.bin": CONTENT}, plan=["503", "503"])
    assert download.download("x", entry(server), tmp_path).read_bytes() == CONTENT


def test_a_broken_connection_is_resumed(serve, tmp_path):
    server = serve({"data.bin": CONTENT}, plan=["cut"])
    assert download.download("x", entry(server), tmp_path).read_bytes() == CONTENT
    assert int(server.requests[1][1].removeprefix("bytes=").rstrip("-")) > 0


def test_a_partial_file_of_an_earlier_process_is_resumed(serve, tmp_path):
    server = serve({"data.bin": CONTENT}, plan=["cut"] * download.TRIES)
    with pytest.raises(OSError):
        download.download("x", entry(server), tmp_path)
    assert "data.bin" not in left(tmp_path)  # nothing half-written under the final name
    server.requests.clear()
    assert download.download("x", entry(server), tmp_path).read_bytes() == CONTENT
    assert server.requests[0][1] is not None


def test_without_ranges_it_starts_again(serve, tmp_path):
    server = serve({"data.bin": CONTENT}, plan=["cut"], ranges=False)
    assert download.download("x", entry(server), tmp_path).read_bytes() == CONTENT


def test_a_changed_file_is_not_glued_to_the_old_part(serve, tmp_path):
    server = serve({"data.bin": b"old" * len(CONTENT)}, plan=["cut"] * download.TRIES)
    with pytest.raises(OSError):
        download.download("x", entry(server), tmp_path)
    server.files["data.bin"] = CONTENT
    assert download.download("x", entry(server), tmp_path).read_bytes() == CONTENT


def test_wrong_content_never_gets_the_name(serve, tmp_path):
    server = serve({"data.bin": b"something else"})
    with pytest.raises(DataError) as error:
        download.download("x", entry(server), tmp_path)
    for part in ("data.bin", hashlib.sha256(CONTENT).hexdigest(), server.url, "data_dir="):
        assert part in str(error.value)
    assert left(tmp_path) == []


def test_an_md5_is_checked_where_no_sha256_is_known(serve, tmp_path):
    server = serve({"data.bin": CONTENT})
    good = entry(server, sha256=None, md5=hashlib.md5(CONTENT).hexdigest())
    with pytest.raises(DataError, match="md5"):
        download.download("x", {**good, "md5": "0" * 32}, tmp_path)
    assert download.download("x", good, tmp_path).is_file()


def test_gzip_is_checked_by_its_content(serve, tmp_path):
    server = serve({"data.gz": gzip.compress(CONTENT, mtime=5)})
    assert download.download("x", entry(server, "data.gz"), tmp_path).is_file()
    server.files["data.gz"] = gzip.compress(CONTENT)[:-9]
    with pytest.raises(DataError, match="truncated or damaged"):
        download.download("x", entry(server, "data.gz"), tmp_path / "..")


def test_the_mirror_is_tried(serve, tmp_path):
    server = serve({"other/data.bin": CONTENT})
    found = download.download("x", entry(server, mirror=f"{server.url}/other/data.bin"), tmp_path)
    assert found.read_bytes() == CONTENT


def test_a_member_of_a_zip(serve, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner/data.bin", CONTENT)
    server = serve({"all.zip": packed.getvalue()})
    wanted = entry(server, member="inner/data.bin") | {"url": f"{server.url}/all.zip"}
    assert download.download("x", wanted, tmp_path).read_bytes() == CONTENT
    assert left(tmp_path) == ["data.bin"]
    with pytest.raises(DataError, match=r"zip archive .* cannot be read"):
        download.download("x", {**wanted, "name": "b.bin", "member": "absent"}, tmp_path)


def test_a_zip_the_user_has_already(tmp_path, own_cache):
    (tmp_path / "x").mkdir()
    with zipfile.ZipFile(tmp_path / "x" / "all.zip", "w") as archive:
        archive.writestr("inner/data.bin", CONTENT)
    wanted = {"name": "data.bin", "url": "http://127.0.0.1:9/all.zip", "member": "inner/data.bin"}
    good = wanted | {"sha256": hashlib.sha256(CONTENT).hexdigest()}
    with pytest.raises(DataError, match=r"all\.zip holds has sha256"):
        download.obtain("x", [wanted | {"sha256": "0" * 64}], ["x"], str(tmp_path))
    assert left(tmp_path / "x") == ["all.zip"]
    assert download.obtain("x", [good], ["x"], str(tmp_path))["data.bin"].read_bytes() == CONTENT


def test_a_data_folder_that_is_not_there_is_not_made(tmp_path):
    wanted = [{"name": "data.bin", "url": "http://127.0.0.1:9/data.bin", "sha256": "f" * 64}]
    with pytest.raises(DataError, match=r"there is no folder .*mistyped") as error:
        download.obtain("x", wanted, ["x"], str(tmp_path / "mistyped"))
    assert not (tmp_path / "mistyped").exists() and "f" * 64 in str(error.value)


def _fetch(url, folder, queue):
    wanted = {"name": "data.bin", "url": url, "sha256": hashlib.sha256(CONTENT).hexdigest()}
    queue.put(hashlib.sha256(download.download("x", wanted, folder).read_bytes()).hexdigest() == wanted["sha256"])


def test_several_processes_download_once(serve, tmp_path):
    server = serve({"data.bin": CONTENT})
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_fetch, args=(f"{server.url}/data.bin", tmp_path, queue)) for _ in range(3)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=60) for _ in processes] == [True] * 3
    for process in processes:
        process.join()
    assert len(server.requests) == 1


def test_neither_files_nor_network_is_one_error_with_all_there_is_to_know(tmp_path, own_cache):
    files = [{"name": n, "url": f"http://127.0.0.1:9/{n}", "sha256": None} for n in ("a.bin", "b.bin")]
    with pytest.raises(DataError) as error:
        download.obtain("mnist", files, ["mnist"], str(tmp_path))
    said = str(error.value)
    for part in (
        str(tmp_path / "mnist"),
        str(own_cache / "mnist"),
        *(f["url"] for f in files),
        "data_dir=",
        "VAELAB_DATA",
    ):
        assert part in said
    assert said.count("a.bin") == 2 and "dataset=mnist" in said


def test_a_missing_server_file_is_said(serve, tmp_path):
    server = serve({})
    with pytest.raises(DataError, match="HTTP 404"):
        download.obtain("x", [entry(server)], ["x"], str(tmp_path))
    assert len(server.requests) == 1  # asking again would not help


def test_downloads_go_to_the_data_folder_or_where_it_may_not_be_written_to_the_user_cache(
    serve, tmp_path, own_cache, monkeypatch
):
    server = serve({"data.bin": CONTENT})
    assert download.obtain("x", [entry(server)], ["x"], str(tmp_path))["data.bin"].parent == tmp_path / "x"

    read_only = tmp_path / "shared"
    read_only.mkdir()
    real = download.Path.mkdir

    def refuse(path, *args, **options):
        if read_only in path.parents:
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(download.Path, "mkdir", refuse)
    found = download.obtain("x", [entry(server)], ["x"], str(read_only))
    assert found["data.bin"].parent == own_cache / "x"


def test_what_is_there_needs_neither_network_nor_permission(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "data.bin").write_bytes(CONTENT)
    monkeypatch.setattr(download, "writable_folder", lambda *_: pytest.fail("nothing has to be written"))
    wanted = [{"name": "data.bin", "url": None, "sha256": None}]
    assert download.obtain("x", wanted, ["x"], str(tmp_path))["data.bin"] == tmp_path / "x" / "data.bin"


def test_a_full_disk_is_said_before_anything_is_written(serve, tmp_path, monkeypatch):
    import shutil

    server = serve({"data.bin": CONTENT})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(DataError, match="MB left"):
        download.obtain("x", [entry(server)], ["x"], str(tmp_path))
    assert left(tmp_path / "x") == []


def test_a_data_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="expected a folder"):
        load("mnist", data_dir=tmp_path / "file")
