"""Token counts are those of OpenAI's own `tiktoken`."""

import os
import random
import sys

import openai
import pytest
import tiktoken
from conftest import RELAXED

# run.mjs filled this folder from the emulator; tiktoken takes nothing whose SHA-256 is not that of OpenAI's file.
assert "TIKTOKEN_CACHE_DIR" in os.environ

CLIENT = openai.OpenAI(api_key="sk-test-tokens", base_url=f"{RELAXED}/v1")
LETTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
# What the patterns tell apart, often enough to meet.
EDGES = list("aAzZ\u00e9\u00c9\u01c5\u02b0\u00aa\u6f22\u3042\u0301\u20e3\u0663\u2167\u00bd 19'\u017f\u2019/!.,{}_\u20ac\u200d\u00a0\u3000\u0085\t\r\n-") + [
    "'s", "'T", "'re", "'LL", "  ", "\n\n", "\r\n", "the", "Hello", " world",
]


def texts(letters, most, times):
    chance = random.Random(f"{len(letters)} {most}")
    return ["".join(chance.choices(letters, k=chance.randint(1, most))) for _ in range(times)]


def counted(model, text):
    return CLIENT.responses.input_tokens.count(model=model, input=text).input_tokens


@pytest.mark.parametrize(("encoding", "model"), [("o200k_base", "gpt-4.1"), ("cl100k_base", "gpt-4-turbo")])
@pytest.mark.parametrize(
    "inputs",
    [
        texts(LETTERS, 300, 200),
        texts(EDGES, 80, 300),
        texts(list("ab"), 3000, 20),
        texts(list("acgt "), 3000, 20),
        texts(list("\u6f22\u5b57\u00e9"), 600, 20),
        ["a" * 100_000, " " * 10_000, "\n" * 10_000, "=" * 10_000, "xX" * 10_000, "a\n \n  "],
    ],
    ids=["any", "edges", "two letters", "four letters", "wide letters", "long"],
)
def test_counts_are_those_of_tiktoken(encoding, model, inputs):
    reference = tiktoken.get_encoding(encoding)
    around = counted(model, "a") - 1
    counts = [counted(model, text) - around for text in inputs]
    assert counts == [len(reference.encode(text, disallowed_special=())) for text in inputs]
