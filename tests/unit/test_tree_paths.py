"""Paths, values, patterns: what is taken, what is refused and how that is said."""

from __future__ import annotations

import enum
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InvalidValue
from holdfast.tree import patterns, values
from holdfast.tree.head import Branch, Leaf
from holdfast.tree.paths import MAX_DEPTH, MAX_KEY, parse, show

TEXTS = {
    "": (),
    "a": ("a",),
    "a.b.c": ("a", "b", "c"),
    'routes."10.0.0.0/24".metric': ("routes", "10.0.0.0/24", "metric"),
    'a."b c"': ("a", "b c"),
    'a."say \\"hi\\"\\n"': ("a", 'say "hi"\n'),
    'a.""': ("a", ""),
    "größe.東京": ("größe", "東京"),
    "eth0:1.vlan-5@x": ("eth0:1", "vlan-5@x"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_path_is_parsed_and_shown_again(text: str) -> None:
    assert parse(text) == TEXTS[text]
    assert show(TEXTS[text]) == text
    assert parse(TEXTS[text]) == TEXTS[text]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=6))
def test_any_keys_have_one_text(keys: list[str]) -> None:
    assert parse(show(tuple(keys))) == tuple(keys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (".", "expected a key at character 1, got `.`"),
        ("a..b", "expected a key at character 3, got `.b`"),
        ("a.", "expected a key at character 3, got nothing"),
        ("a b", "expected a dot at character 2, got ` b`"),
        ("a/b", "expected a dot at character 2, got `/b`"),
        ('a."b', 'expected a closing quote at character 3, got `"b`'),
        ('a."b"c', "expected a dot at character 6, got `c`"),
        ('a."\\x"', "expected a key escaped as in JSON at character 3"),
        ("x" * (MAX_KEY + 1), f"at most {MAX_KEY} bytes, got {MAX_KEY + 1}"),
        (".".join("a" * (MAX_DEPTH + 1)), f"at most {MAX_DEPTH} keys, got {MAX_DEPTH + 1}"),
        ("\udc80", "half a surrogate pair"),
        (7, "got int"),
        (("a", 7), "expected a key that is text, got `7`"),
    ],
)
def test_what_is_no_path_is_said_to_be_none(text: object, said: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        parse(text)  # type: ignore[arg-type]
    assert said in str(raised.value)


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value", [None, True, 0, -(1 << 63), (1 << 64) - 1, 0.5, "", "東京", [], [1, [2, {"a": None}]], {}, {"a": {"b": [1]}}]
)
def test_json_is_taken_as_it_is(value: object) -> None:
    found = values.checked(value, ("x",))
    assert found == value
    assert type(found) is type(value)
    assert values.decode(values.encode(found)) == value


def test_what_is_nearly_json_becomes_json() -> None:
    assert values.checked((1, (2,)), ("x",)) == [1, [2]]
    assert type(values.checked(Colour.RED, ("x",))) is str


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "expected a JSON value, got nan, which JSON does not have – at `x`"),
        ({"a": [1, -math.inf]}, "got -inf, which JSON does not have – at `x.a`"),
        (object(), "expected a JSON value, got a Python object – at `x`"),
        ({"a": {1: 2}}, "expected a key that is text, got `1` – at `x.a`"),
        (b"x", "got a Python bytes"),
        ({1}, "got a Python set"),
        (1 << 64, "at most 64 bits"),
        ("\ud800", "half a surrogate pair"),
        ("x" * (values.MAX_LEAF + 1), f"at most {values.MAX_LEAF} bytes, got {values.MAX_LEAF + 3}"),
        (["x" * 1000] * 2000, f"at most {values.MAX_LEAF} bytes"),
        (deep(MAX_DEPTH + 1), f"at most {MAX_DEPTH} deep"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(value: object, said: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        values.checked(value, ("x",))
    assert said in str(raised.value)


def test_an_object_may_not_be_deeper_than_a_path() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = {"a": value}
    with pytest.raises(InvalidValue, match="at most 64 levels"):
        values.checked(value, ("x",))


def test_texts_of_equal_values_are_equal_and_of_different_ones_are_not() -> None:
    assert values.encode([{"b": 1, "a": 2}]) == values.encode([{"a": 2, "b": 1}])
    assert len({values.encode(one) for one in (1, 1.0, True, "1", None, 0.0, -0.0)}) == 7


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("router-*.ip", ["router-a.ip", "router-.ip"], ["router-a.zip", "router-a.b.ip", "xrouter-a.ip", 'router-"a.b".ip']),
        ("a.*.c", ["a.b.c", 'a."x.y".c'], ["a.c", "a.b.b.c", "a.b.c.d"]),
        ("a.**.c", ["a.c", "a.b.c", "a.b.b.c", 'a."x.y".c'], ["a.b", "xa.c"]),
        ("a.**", ["a", "a.b", "a.b.c"], ["ab", "b.a"]),
        ("**", ["a", "a.b"], []),
        ("**.mtu", ["mtu", "a.mtu", "a.b.mtu"], ["a.xmtu"]),
        ('a."10.0.0.0/24".*', ['a."10.0.0.0/24".x'], ['a."10a0.0.0/24".x']),
    ],
)
def test_stars_stand_for_keys(pattern: str, yes: list[str], no: list[str]) -> None:
    compiled = patterns.pattern(pattern)
    assert [path for path in yes if compiled.match(path) is None] == []
    assert [path for path in no if compiled.match(path) is not None] == []


def test_an_expression_speaks_of_the_whole_path_and_has_groups() -> None:
    compiled = patterns.regex(r"router-(.*)\.ip")
    assert compiled.match("router-a.ip") == ("a",)
    assert compiled.match("router-a.zip") is None
    assert compiled.match("a.router-a.ip") is None


def test_an_expression_that_would_take_for_ever_takes_no_time() -> None:
    assert patterns.regex(r"(a*)*b").match("a" * 5000) is None


@pytest.mark.parametrize("text", ["(", r"(a)\1", "(?=a)", "x" * 3000])
def test_an_expression_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        patterns.regex(text)


@pytest.mark.parametrize("text", ["", "a..b", "a.", ".a"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        patterns.pattern(text)


def test_found_goes_through_the_tree_in_order() -> None:
    root = Branch({"b": Branch({"ip": Leaf(1, 1)}, 1), "a": Branch({"ip": Leaf(2, 1), "x": Leaf(3, 1)}, 1)}, 1)
    assert [path for path, _, _ in patterns.found(root, patterns.pattern("*.ip"))] == [("a", "ip"), ("b", "ip")]
    assert [(path, groups) for path, _, groups in patterns.found(root, patterns.regex(r"(\w)\.x"))] == [(("a", "x"), ("a",))]
    assert list(patterns.found(root, patterns.pattern("c.*"))) == []
