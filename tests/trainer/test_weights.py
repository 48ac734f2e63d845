"""Weights: found or fetched, whole or not at all."""

from __future__ import annotations

import functools
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import msgspec
import pytest

from trainer.backbones import Backbone, get_backbone
from trainer.errors import StoppedError, StorageError, WeightsError
from trainer.events import Progress, StopRequest, Warned
from trainer.network.weights import (
    find_weights,
    keras_cache,
    locate_weights,
    own_file_name,
    ready_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTENT = bytes(range(256)) * 2000
MD5 = hashlib.md5(CONTENT).hexdigest()
TINY = get_backbone("tiny")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' cache below the test's folder, no other place to look in, no proxy."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("SKINDESK_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


class Server(ThreadingHTTPServer):
    """Answers as it is told, and counts."""

    daemon_threads = False  # closing waits for the answers, and so for their connections

    def __init__(self, answers: list[Callable[[BaseHTTPRequestHandler], None]]) -> None:
        self.asked = 0
        self.answers = answers
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/official_notop.h5"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        answer = server.answers[min(server.asked, len(server.answers) - 1)]
        server.asked += 1
        answer(self)

    def log_message(self, *_args: object) -> None:
        pass


def send(handler: BaseHTTPRequestHandler, content: bytes = CONTENT, announced: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if announced is None else announced))
    handler.end_headers()
    handler.wfile.write(content)


whole = send
cut = functools.partial(send, content=CONTENT[:100_000], announced=len(CONTENT))
other_content = functools.partial(send, content=b"<html>please log in</html>")


def not_found(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Server:
        server = Server(list(answers))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def official(url: str = "http://127.0.0.1:9/official_notop.h5", md5: str = MD5) -> Backbone:
    """Xception, as if Keras offered a small file for it."""
    return msgspec.structs.replace(
        get_backbone("xception"), keras_file="official_notop.h5", keras_url=url, keras_md5=md5
    )


def refused_connection_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/official_notop.h5"


def test_a_download_arrives_whole_and_tells_of_its_progress(serve: Callable[..., Server]) -> None:
    server = serve(whole)
    said: list[Any] = []

    found = find_weights(official(server.url), "imagenet", None, said.append)

    assert found.path == keras_cache() / "official_notop.h5"
    assert found.path.read_bytes() == CONTENT
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert found.origin == (
        f"ImageNet weights of Xception, downloaded from {server.url}: {found.path} (SHA-256 {found.sha256})"
    )
    progress = [event for event in said if isinstance(event, Progress)]
    assert all(event.unit == "bytes" and event.total == len(CONTENT) for event in progress)
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert progress[-1].done == len(CONTENT)


def test_what_was_fetched_once_is_not_fetched_again(serve: Callable[..., Server]) -> None:
    server = serve(whole)
    find_weights(official(server.url), "imagenet")
    again = find_weights(official(server.url), "imagenet")

    assert server.asked == 1
    assert "found on this machine" in again.origin


def test_a_cut_download_is_tried_again(serve: Callable[..., Server]) -> None:
    server = serve(cut, cut, whole)
    said: list[Any] = []

    found = find_weights(official(server.url), "imagenet", None, said.append)

    assert found.path.read_bytes() == CONTENT
    assert server.asked == 3
    assert [event.message for event in said if isinstance(event, Warned)] == 2 * [
        "The download failed because the connection was cut before the file was complete; trying again."
    ]


@pytest.mark.parametrize(
    ("answer", "asked", "reason"),
    [
        (cut, 3, "the connection was cut before the file was complete"),
        (other_content, 3, "the file differs from the one that Keras published (its hash differs)"),
        (not_found, 1, "the server answered 404"),
    ],
)
def test_a_failed_download_says_what_to_do_and_leaves_nothing(
    serve: Callable[..., Server], answer: Callable[..., None], asked: int, reason: str
) -> None:
    server = serve(answer)

    with pytest.raises(WeightsError) as caught:
        find_weights(official(server.url), "imagenet")

    assert str(caught.value) == (
        f"The ImageNet weights of Xception could not be downloaded because {reason}. "
        f"Download {server.url} on another machine, save it as official_notop.h5 (or "
        "xception_imagenet_notop.weights.h5) in a folder, and choose that folder in the settings or with the "
        "environment variable SKINDESK_WEIGHTS_DIR; or choose random weights."
    )
    assert server.asked == asked
    assert list(keras_cache().iterdir()) == []


def test_without_a_network_the_message_says_so() -> None:
    with pytest.raises(WeightsError, match=r"the server cannot be reached \(check the internet connection\)"):
        find_weights(official(refused_connection_url()), "imagenet")


def test_a_half_file_in_keras_cache_is_fetched_again(serve: Callable[..., Server]) -> None:
    keras_cache().mkdir(parents=True)
    (keras_cache() / "official_notop.h5").write_bytes(CONTENT[:1000])
    said: list[Any] = []

    found = find_weights(official(serve(whole).url), "imagenet", None, said.append)

    assert found.path.read_bytes() == CONTENT
    assert any(isinstance(event, Warned) and "is downloaded again" in event.message for event in said)


def test_only_whole_weights_are_ready(tmp_path: Path) -> None:
    backbone = official()
    assert ready_weights(backbone) is None
    cached = keras_cache() / backbone.keras_file
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT[:100])
    assert locate_weights(backbone) == cached
    assert ready_weights(backbone) is None
    cached.write_bytes(CONTENT)
    assert ready_weights(backbone) == cached
    own = tmp_path / "folder" / own_file_name(backbone)
    own.parent.mkdir()
    own.write_bytes(b"of one's own, read only when they are loaded")
    assert ready_weights(backbone, own.parent) == own


def test_a_download_stops_on_request_and_leaves_nothing(serve: Callable[..., Server]) -> None:
    stop = StopRequest()

    def listener(event: object) -> None:
        if isinstance(event, Progress):
            stop.ask()

    with pytest.raises(StoppedError):
        find_weights(official(serve(whole).url), "imagenet", None, listener, stop)

    assert list(keras_cache().iterdir()) == []


def test_a_cache_that_cannot_be_written_is_said_in_words(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "keras").write_text("a file where a folder should be")

    with pytest.raises(StorageError, match="Cannot write"):
        find_weights(official(serve(whole).url), "imagenet")


def test_folders_are_looked_in_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = official()
    for folder in ("named", "variable", "keras/models"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "official_notop.h5").write_bytes(CONTENT)
    monkeypatch.setenv("SKINDESK_WEIGHTS_DIR", str(tmp_path / "variable"))

    assert locate_weights(backbone, tmp_path / "named") == tmp_path / "named" / "official_notop.h5"
    assert locate_weights(backbone) == tmp_path / "variable" / "official_notop.h5"
    (tmp_path / "variable" / "official_notop.h5").unlink()
    assert locate_weights(backbone) == tmp_path / "keras" / "models" / "official_notop.h5"
    (tmp_path / "variable" / "xception_imagenet_notop.weights.h5").write_bytes(b"own")
    assert find_weights(backbone, "imagenet").path.read_bytes() == b"own"


def test_nothing_at_hand_is_none(tmp_path: Path) -> None:
    assert locate_weights(official(), tmp_path) is None


def test_a_missing_folder_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="named by the settings or the command line, does not exist"):
        find_weights(official(), "imagenet", tmp_path / "nowhere")
    monkeypatch.setenv("SKINDESK_WEIGHTS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match="named by the environment variable SKINDESK_WEIGHTS_DIR"):
        find_weights(official(), "imagenet")


def test_a_changed_official_file_in_a_named_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "official_notop.h5").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="but other content"):
        find_weights(official(), "imagenet", tmp_path)


def test_a_named_file_is_taken_and_a_missing_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(b"mine")
    found = find_weights(official(), str(path))
    assert found.path == path
    assert found.origin == f"Weights of Xception from the file {path} (SHA-256 {found.sha256})"
    with pytest.raises(WeightsError, match="There is no weights file"):
        find_weights(official(), str(tmp_path / "nowhere.h5"))


def test_a_backbone_without_imagenet_weights_says_so() -> None:
    with pytest.raises(WeightsError, match="no ImageNet weights for Tiny"):
        find_weights(TINY, "imagenet")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("inception_v3", "inceptionv3"),
        ("xception", "xception"),
        ("resnet", "resnet50v2"),
        ("densenet", "densenet121"),
    ],
)
def test_official_names_addresses_and_hashes_are_those_of_the_installed_keras(module: str, name: Any) -> None:
    backbone = get_backbone(name)
    source = (Path(keras.__file__).parent / "src" / "applications" / f"{module}.py").read_text()
    assert backbone.keras_md5 in source
    folder = backbone.keras_url.removesuffix(backbone.keras_file)
    assert folder.removeprefix("https://storage.googleapis.com/tensorflow/keras-applications/") in source
    if name != "resnet50v2":  # whose name Keras puts together
        assert backbone.keras_file in source
