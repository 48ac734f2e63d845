from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.config import Augmentation, Geometry, HeadSettings
from trainer.errors import StoppedError
from trainer.events import AnyEvent, Progress, Said, StopRequest, Warned
from trainer.network.network import Network
from trainer.pipeline.augmentation import sample_keys
from trainer.pipeline.budgets import cache_bytes
from trainer.pipeline.feature_cache import FeatureCache
from trainer.pipeline.features import FeatureTable, compute_features, draw_views, recipe_hash
from trainer.pipeline.loading import ImageSource

AUGMENTATION = Augmentation()


class Bench:
    """A network, images and a cache to compute features with."""

    def __init__(self, image_folder: Path, cache_folder: Path) -> None:
        self.paths = sorted((image_folder / "images").glob("*.png"))[:30]
        self.hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.paths]
        self.network = Network("tiny", 3, HeadSettings(), seed=1)
        self.source = ImageSource(self.paths, 32, Geometry(), 4)
        self.cache_folder = cache_folder

    def table(self, rows: list[int], views: int = 2, **more: object) -> FeatureTable:
        cache = FeatureCache(self.cache_folder, recipe_hash(self.network, Geometry(), AUGMENTATION))
        names = [path.stem for path in self.paths]
        return compute_features(
            self.network,
            self.source,
            self.hashes,
            names,
            rows=np.array(rows),
            views=views,
            augmentation=AUGMENTATION,
            cache=cache,
            batch_size=8,
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture
def bench(image_folder: Path, tmp_path: Path) -> Bench:
    return Bench(image_folder, tmp_path / "cache")


def test_features_are_those_of_the_network_and_views_differ(bench: Bench) -> None:
    table = bench.table(list(range(10)))
    assert table.features.shape == (10, 3, 32)
    assert table.computed == 30
    expected = bench.network.features_model(bench.source.squares(np.arange(10))).numpy()
    np.testing.assert_allclose(table.features[:, 0], expected, atol=1e-5)
    assert np.abs(table.features[:, 1] - table.features[:, 0]).max() > 1e-3
    assert np.abs(table.features[:, 2] - table.features[:, 1]).max() > 1e-3


def test_what_is_in_the_cache_is_not_computed_again(bench: Bench) -> None:
    first = bench.table(list(range(10)))
    again = bench.table(list(range(5, 20)))
    assert again.computed == 10 * 3
    np.testing.assert_array_equal(again.features[:5], first.features[5:])
    assert bench.table(list(range(10)), views=4).computed == 10 * 2


def test_other_weights_or_augmentation_are_another_recipe(bench: Bench) -> None:
    own = recipe_hash(bench.network, Geometry(), AUGMENTATION)
    other = msgspec.structs.replace(AUGMENTATION, rotation=10.0)
    hashes = {
        own,
        recipe_hash(bench.network, Geometry(), other),
        recipe_hash(bench.network, Geometry(shape="pad"), AUGMENTATION),
        recipe_hash(Network("tiny", 3, HeadSettings(), seed=2), Geometry(), AUGMENTATION),
        recipe_hash(Network("tiny", 3, HeadSettings(), seed=1, input_size=40), Geometry(), AUGMENTATION),
    }
    assert len(hashes) == 5
    assert recipe_hash(Network("tiny", 5, HeadSettings(dense=(3,)), seed=1), Geometry(), AUGMENTATION) == own


def _cut(content: bytes) -> bytes:
    return content[:100]


def _one_bit(content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


def _another_image(content: bytes) -> bytes:
    place = content.index(b"images") + 14
    return content[:place] + (b"0" if content[place : place + 1] != b"0" else b"1") + content[place + 1 :]


@pytest.mark.parametrize("damage", [_cut, _one_bit, _another_image])
def test_a_damaged_file_is_told_of_and_computed_again(bench: Bench, damage: Callable[[bytes], bytes]) -> None:
    first = bench.table(list(range(10)), views=0)
    (file,) = bench.cache_folder.rglob("*.safetensors")
    file.write_bytes(damage(file.read_bytes()))
    events: list[AnyEvent] = []
    again = bench.table(list(range(10)), views=0, listener=events.append)
    assert again.computed == 10
    np.testing.assert_array_equal(again.features, first.features)
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "Features: 1 file was damaged in the cache; the features are computed again."
    ]
    assert bench.table(list(range(10)), views=0).computed == 0


def test_files_of_two_views_that_were_swapped_are_noticed(bench: Bench) -> None:
    first = bench.table(list(range(10)), views=1)
    one, other = sorted(bench.cache_folder.rglob("*.safetensors"))
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])
    again = bench.table(list(range(10)), views=1)
    assert again.computed == 20
    np.testing.assert_array_equal(again.features, first.features)


def test_a_file_that_cannot_be_read_now_is_left_alone(bench: Bench) -> None:
    resource = pytest.importorskip("resource", reason="limits of open files are Unix'")
    first = bench.table(list(range(10)), views=0)
    cache = FeatureCache(bench.cache_folder, recipe_hash(bench.network, Geometry(), AUGMENTATION))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    (file,) = bench.cache_folder.rglob("*.safetensors")
    cache._shards = lambda _view: [file]  # type: ignore[method-assign] # looking for files needs one, too
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        found = cache.load(bench.hashes[:10], 0, np.zeros((10, 32), np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not found.any()
    assert cache.troubles() == [
        "part of the cache cannot be read (Too many open files); the features are computed again."
    ]
    values = np.zeros((10, 32), np.float32)
    found = cache.load(bench.hashes[:10], 0, values)
    assert found.all()
    np.testing.assert_array_equal(values, first.features[:, 0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix'")
def test_a_pipe_among_the_files_holds_nobody_up(bench: Bench) -> None:
    bench.table(list(range(10)), views=0)
    (file,) = bench.cache_folder.rglob("*.safetensors")
    os.mkfifo(file.with_name("view000-0.safetensors"))
    assert bench.table(list(range(10)), views=0).computed == 0


def test_what_a_killed_process_left_half_written_goes_when_the_cache_is_opened(bench: Bench) -> None:
    bench.table(list(range(10)), views=0)
    (file,) = bench.cache_folder.rglob("*.safetensors")
    half = file.with_name(f".{file.name}.abc123.tmp")
    half.write_bytes(file.read_bytes()[:100])
    of_another_recipe = bench.cache_folder / "another" / ".view001-0123.safetensors.x.tmp"
    of_another_recipe.parent.mkdir()
    of_another_recipe.write_bytes(b"half")
    assert bench.table(list(range(10)), views=0).computed == 0
    assert [path.name for path in bench.cache_folder.rglob("*") if path.is_file()] == [file.name]


def test_stopping_keeps_what_was_computed(bench: Bench) -> None:
    stop = StopRequest()
    seen: list[Progress] = []

    def listen(event: AnyEvent) -> None:
        if isinstance(event, Progress):
            seen.append(event)
            if event.done > 30:
                stop.ask()

    with pytest.raises(StoppedError):
        bench.table(list(range(30)), listener=listen, stop=stop)
    assert bench.table(list(range(30))).computed == 90 - seen[-1].done
    assert seen[0].total == 90


def test_twins_share_their_features(bench: Bench) -> None:
    bench.hashes[7] = bench.hashes[3]
    bench.paths[7] = bench.paths[3]
    first = bench.table([3, 7])
    assert first.computed == 3
    np.testing.assert_array_equal(first.features[0], first.features[1])
    again = bench.table([3, 7])
    assert again.computed == 0
    np.testing.assert_array_equal(again.features, first.features)


def test_each_epoch_draws_views_of_its_own() -> None:
    keys = sample_keys([f"sample {k}" for k in range(5000)])
    epochs = np.stack([draw_views(4, keys, 0, epoch) for epoch in range(8)])
    assert epochs.min() == 0
    assert epochs.max() == 4
    shares = np.bincount(epochs.ravel()) / epochs.size
    assert np.abs(shares - 0.2).max() < 0.01
    agreement = (epochs[0] == epochs[1]).mean()
    assert 0.17 < agreement < 0.23
    np.testing.assert_array_equal(draw_views(4, keys, 0, 3), epochs[3])
    np.testing.assert_array_equal(draw_views(4, keys[100:], 0, 3), epochs[3][100:])


def test_recipes_used_least_recently_make_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    older = {letter * 32: age for letter, age in (("a", 100), ("b", 300), ("c", 200))}
    for name, age in older.items():
        (bench.cache_folder / name).mkdir(parents=True)
        (bench.cache_folder / name / "view000-1.safetensors").write_bytes(b"0" * 40_000)
        os.utime(bench.cache_folder / name, (1e9 - age, 1e9 - age))
    (bench.cache_folder / "somebody else's").mkdir()
    FeatureCache(bench.cache_folder, "b" * 32)  # used again now
    monkeypatch.setenv("SKINDESK_CACHE_GIB", str(100_000 / 2**30))
    said: list[AnyEvent] = []
    bench.table(list(range(10)), listener=said.append)
    names = {path.name for path in bench.cache_folder.iterdir()}
    assert names >= {"b" * 32, "a" * 32, "somebody else's"}
    assert "c" * 32 not in names
    monkeypatch.setenv("SKINDESK_CACHE_GIB", "0")
    bench.table(list(range(10)), listener=said.append)
    assert len(list(bench.cache_folder.iterdir())) == 2, "the recipe in use stays"
    assert any(isinstance(event, Said) and "to make room" in event.message for event in said)
    assert bench.table(list(range(10))).computed == 0


def test_a_table_beyond_its_budget_is_a_file_with_the_same_numbers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = bench.table(list(range(10)))
    monkeypatch.setenv("SKINDESK_TABLE_GIB", "0")
    paged = bench.table([*range(10), 3])
    assert isinstance(paged.features, np.memmap)
    np.testing.assert_array_equal(paged.features[:10], in_memory.features)
    np.testing.assert_array_equal(paged.features[10], in_memory.features[3])
    assert [path for path in bench.cache_folder.iterdir() if path.is_file()] == []


@pytest.mark.parametrize("value", ["", "much", "nan", "-1", "inf"])
def test_a_budget_that_is_no_number_is_the_usual_one(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINDESK_CACHE_GIB", value)
    assert cache_bytes() == 20 * 2**30
