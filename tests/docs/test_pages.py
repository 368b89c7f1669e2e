"""Is what we promise true? Every snippet of every page runs, each page in a network of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import LANGUAGES, PageError, Snippet, matches, read

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
EXAMPLES = sorted((PROJECT / "examples").glob("*.py"))


def in_private_network(*argv: str | Path, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
    """Run a command where it can change nothing of this machine's network."""
    return subprocess.run(
        [PROJECT / "scripts/private", *argv], capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
    )


@pytest.mark.kernel
@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_snippet_of_the_page_runs(page: Path) -> None:
    done = in_private_network(sys.executable, PROJECT / "tests/docs/page.py", page)
    assert done.returncode == 0, done.stderr


@pytest.mark.kernel
@pytest.mark.timeout(120)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_example_runs(example: Path) -> None:
    done = in_private_network(sys.executable, "-W", "error", example)
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_pages_lead_somewhere() -> None:
    lost = [
        f"{page.relative_to(PROJECT)} -> {link}"
        for page in [*PAGES, *PROJECT.glob("*.md")]
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8")))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not lost, "\n".join(lost)


# ---------------------------------------------------------------------------------------- the runner, on pages of its own


def written(tmp_path: Path, text: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(text.replace("'''", "```"), encoding="utf-8")
    return page


def run(page: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PROJECT / "tests/docs/page.py", page], capture_output=True, text=True, check=False)


TRUE = """
<!-- setup
word=hello
-->
'''console
$ echo $word
hello
$ printf 'a\\nb\\nc\\n'
a
…
$ false
$ echo $?
1
$ for i in 1 2
> do echo $i; done
1
2
'''
'''bash
other=$word-again
echo "$other"
'''
'''output
hello-…
'''
'''python
x = 6 * 7
print({"x": x})
'''
'''pycon
>>> x
42
>>> [x, object()]
[42, <object … at …>]
'''
'''bash
echo '{"a": [1, {"b": 2}], "when": 5}'
'''
<!-- output -->
'''json
{"a": [1, {"b": 2}], "when": "…"}
'''
<!-- not run: it would take for ever -->
'''bash
sleep infinity
'''
"""


def test_a_true_page_passes(tmp_path: Path) -> None:
    done = run(written(tmp_path, TRUE))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'''console\n$ echo no\nyes\n'''\n", "prints something else"),
        ("'''console\n$ false\n'''\n", "ended with 1"),
        ("'''bash\nfalse\ntrue\n'''\n", "ended with 1"),
        ("'''bash\necho a\n'''\n'''output\nb\n'''\n", "the snippet above prints something else"),
        ("'''python\n1 / 0\n'''\n", "ZeroDivisionError"),
        ("'''pycon\n>>> 1\n2\n'''\n", "answers something else"),
        ("'''json\n{a: 1}\n'''\n", "is no JSON"),
        ("'''bash\necho '{\"a\": 1, \"b\": 2}'\n'''\n<!-- output -->\n'''json\n{\"a\": 1}\n'''\n", "prints something else"),
        ("'''console\nls\n'''\n", "no line of this console snippet"),
        ("'''console\n$ holdfast sql 'VALUES (1), (2) -- SELECT '\ncolumn1\n1\n2\n'''\n", "ORDER BY is missing"),
        ("<!-- not run: why -->\n'''bash\nif\n'''\n", "is not even shell"),
    ],
)
def test_a_false_page_fails_and_says_where(tmp_path: Path, text: str, says: str) -> None:
    done = run(written(tmp_path, "A page.\n\n" + text))
    assert done.returncode == 1
    assert says in done.stderr
    assert "page.md:" in done.stderr


@pytest.mark.parametrize("text", ["'''ruby\nputs 1\n'''\n", "'''\nls\n'''\n", "'''bash\nls\n", "<!-- not run: -->\n'''bash\nls\n'''\n",
                                  "<!-- not run: why -->\n\nProse.\n\n'''bash\nls\n'''\n"])  # fmt: skip
def test_a_snippet_that_nothing_runs_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(PageError, match=r"page\.md:"):
        read(written(tmp_path, text))


def test_a_snippet_in_a_list_loses_its_indent(tmp_path: Path) -> None:
    assert read(written(tmp_path, "1. Do\n\n   '''bash\n   if true\n     then true; fi\n   '''\n")) == [
        Snippet("bash", "if true\n  then true; fi\n", 3)
    ]


def test_wildcards() -> None:
    assert matches("a …\n…\nz\n", "a  1\nb\nc\nz")
    assert matches("…\nz\n", "z")
    assert matches("", "")
    assert not matches("a\n", "a\nb")
    assert not matches("", "a")
    assert not matches("a.c", "abc")


def test_the_ways_to_write_a_snippet_are_documented() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [language for language in LANGUAGES if f"`{language}`" not in text] == []
