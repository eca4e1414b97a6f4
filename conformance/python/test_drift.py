"""`llemulator drift` on the packages that pip installs: the newest, one of an earlier major, and one that is newer still."""

import json
import os
import pathlib
import shutil
import subprocess

import openai

INSTALLED = pathlib.Path(openai.__file__).parent


def drift(folder):
    words = [*json.loads(os.environ["LLEMULATOR_ANYWHERE"]), "drift", "--json", "--pypi", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    told = [f"{one['tier']} {one['change']} {one['place']}: {one['what']}" for one in report["differences"]]
    return done.returncode, report["compared"], told


def test_the_installed_package():
    code, compared, told = drift(INSTALLED)
    assert compared == [f"pypi {openai.VERSION}"]
    if openai.VERSION.startswith("1."):
        assert "info removed POST /videos: videos.create, which this client cannot call" in told
    else:
        assert (code, told) == (0, [])


def test_a_newer_package(tmp_path):
    newer = tmp_path / "openai"
    shutil.copytree(INSTALLED, newer, ignore=shutil.ignore_patterns("__pycache__", "lib", "cli"))

    def edit(file, before, after):
        path = newer / file
        text = path.read_text()
        assert before in text, f"{file} has {before}"
        path.write_text(text.replace(before, after, 1))

    edit("_version.py", f'__version__ = "{openai.VERSION}"', '__version__ = "900.0.0"')
    edit("resources/files.py", 'self._post(\n            "/files"', 'self._post(\n            "/files/new"')
    edit("types/file_create_params.py", "    purpose: Required[", "    colour: str\n\n    purpose: Required[")
    edit("types/file_object.py", "    bytes: int", "    bytes: str\n\n    smell: str")
    edit("types/file_object.py", '"error"', '"eaten"')
    code, compared, told = drift(newer)
    assert (code, compared) == (4, ["pypi 900.0.0"])
    for expected in [
        "error added FileCreateParams.colour: a field that is not known here",
        "error added POST /files/new: a call that is not known here",
        "warning added FileObject.smell: a field that is not known here",
        'warning added FileObject.status: the value "eaten"',
        "warning changed FileObject.bytes: a number here, and a text there",
        'info removed FileObject.status: the value "error"',
    ]:
        assert expected in told, told
