"""Says where the packages lie; everything else is in pyproject.toml, which cannot add a package to those it finds."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["trainer*", "skindesk*"]), "skindesk.resources"],
    package_dir={"skindesk.resources": "resources"},
)
