"""Where things lie: the user's folders for data, cache, settings and logs, and the program's own resources."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import platformdirs

_NAME = "skindesk"
_LONGEST_NAME = 60  # characters; leaves room below the 255 bytes of most file systems


@dataclass(frozen=True)
class Paths:
    """Folders of one user; each is made when it is first asked for.

    Attributes:
        home: the four others lie in it, if they were put in one place; else `None`.
        data_root, cache_root, config_root, log_root: see the properties of the same names.
    """

    data_root: Path
    cache_root: Path
    config_root: Path
    log_root: Path

    @classmethod
    def standard(cls) -> Paths:
        """Return the platform's usual folders, or those below SKINDESK_HOME if that is set."""
        home = os.environ.get("SKINDESK_HOME")
        if home:
            return cls.below(Path(home))
        return cls(
            platformdirs.user_data_path(_NAME, appauthor=False),
            platformdirs.user_cache_path(_NAME, appauthor=False),
            platformdirs.user_config_path(_NAME, appauthor=False),
            platformdirs.user_log_path(_NAME, appauthor=False),
        )

    @classmethod
    def below(cls, home: Path) -> Paths:
        """Return folders that all lie in one."""
        home = home.absolute()
        return cls(home / "data", home / "cache", home / "config", home / "log")

    @property
    def data(self) -> Path:
        """What the user would miss: datasets, runs, bundles."""
        return _made(self.data_root)

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return _made(self.cache_root)

    @property
    def config(self) -> Path:
        """Settings."""
        return _made(self.config_root)

    @property
    def logs(self) -> Path:
        """What the window and its children have written about their doings."""
        return _made(self.log_root)

    @property
    def datasets(self) -> Path:
        """Dataset files that the program named itself."""
        return _made(self.data_root / "datasets")

    @property
    def runs(self) -> Path:
        """Runs, a folder each, where the settings name no other place."""
        return _made(self.data_root / "runs")

    @property
    def bundles(self) -> Path:
        """Bundles that were imported."""
        return _made(self.data_root / "bundles")

    @property
    def unfinished(self) -> Path:
        """Diagnoses that are not finished, a file for each window."""
        return self.data_root / "unfinished"

    @property
    def cases(self) -> Path:
        """Saved diagnoses, with copies of their images."""
        return self.data_root / "cases"

    @property
    def batches(self) -> Path:
        """What was predicted of folders of images."""
        return self.data_root / "batches"

    @property
    def pasted(self) -> Path:
        """Pictures that came from the clipboard."""
        return self.data_root / "pasted"

    @property
    def demo(self) -> Path:
        """The drawn dataset."""
        return self.data_root / "demo"

    @property
    def features(self) -> Path:
        """Cached features."""
        named = os.environ.get("SKINDESK_CACHE_DIR")
        return _made((Path(named) if named else self.cache_root) / "features")

    @property
    def settings_file(self) -> Path:
        """The settings, as JSON."""
        return self.config / "settings.json"

    def log_file(self, name: str) -> Path:
        """Return where a part of the program writes its log."""
        return self.logs / name


def new_folder(parent: Path, title: str) -> Path:
    """Return a folder that is not there yet, named for a title and, if need be, the time.

    Args:
        parent: where it will lie.
        title: any text; what a file system may not take is left out.
    """
    words = re.sub(r"[^\w\-.,()]+", " ", title).split()
    name = " ".join(words)[:_LONGEST_NAME].strip(" .") or "run"
    path = parent / name
    if path.exists():
        path = parent / f"{name} {datetime.now().astimezone():%Y-%m-%d %H.%M.%S}"
    number = 2
    while path.exists():
        path = parent / f"{name} {number}"
        number += 1
    return path


def resource(name: str) -> Path:
    """Return a file or folder that ships with the program, by its name in `resources`."""
    package = Path(__file__).resolve().parent
    installed = (
        package / "resources"
    )  # where a wheel and the frozen program have it; a checkout has it beside us
    return (installed if installed.is_dir() else package.parent / "resources") / name


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
