"""The guide's Python example runs as it is written, but for the address."""

import pathlib
import re

from conftest import RELAXED

GUIDE = pathlib.Path(__file__).parents[2] / "docs" / "any-language.md"


def test_the_guide_for_any_language():
    [code] = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    names = {}
    exec(code.replace("http://127.0.0.1:8080", RELAXED), names)
    names["test_answers"]()
