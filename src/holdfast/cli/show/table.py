"""`holdfast show`: one noun as a table, or as JSON."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

from holdfast.cli.asking.opening import open_reading
from holdfast.cli.asking.reading import Reading
from holdfast.cli.declaring.options import Common
from holdfast.cli.language.conditions import Among, Condition, Glob, Not, where
from holdfast.cli.language.filters import find_look, parse
from holdfast.cli.language.looks import Look
from holdfast.cli.language.looks.look import Hidden
from holdfast.cli.language.spelling import Spelling
from holdfast.cli.presentation.layout import Column, fits, roomy, telling, terminal_width, wrapped, write_sentences, write_table
from holdfast.cli.presentation.listing import Listing, all_views, chosen_views
from holdfast.cli.presentation.rows import write_json
from holdfast.cli.presentation.style import Style, style_for
from holdfast.errors import InvalidValue, NotFound, UnknownName, did_you_mean
from holdfast.model import Field

__all__ = ["Request", "show_rows", "target_condition"]


@dataclass(frozen=True, slots=True)
class Request:
    """What one call of `show` asks for. `family`: inet, inet6 or all."""

    noun: str
    filters: tuple[str, ...] = ()
    family: str = ""
    details: bool = False
    volatile: bool = False
    columns: str = ""
    all_columns: bool = False
    limit: int = 0


def show_rows(request: Request, common: Common) -> None:
    """Raises: UnknownName, InvalidValue, NotFound - the noun, a word, a value; what reading raises."""
    try:
        look = find_look(request.noun)
    except UnknownName as unknown:
        hint = did_you_mean(request.noun.lower(), ["topology"], otherwise=f"{unknown.hint}; and topology")
        raise UnknownName(unknown.message, hint=hint) from None
    if request.filters == ("help",):
        from holdfast.cli.language.noun_help import noun_help

        print(noun_help(look, style_for(sys.stdout, common.colour)))
        return
    with open_reading(common, {look.table.name, "interfaces"}) as reading:
        spelling = reading.spelling(far=True)
        wanted = parse(look, request.filters, spelling)
        conditions = [*wanted.conditions, *_narrowed(look, request, common, reading)]
        if common.json:
            _as_json(look, request, conditions, reading)
        else:
            _as_table(look, request, common, conditions, not wanted.everything, reading, spelling)


def target_condition(target: str, reading: Reading) -> Condition:
    """`--target`. Raises: NotFound - no row of any table has such a target."""
    if any(mark in target for mark in "*?["):
        return Glob("target", target)
    names = tuple(target.split(","))
    for name in names:
        if name not in (known := reading.targets()):
            raise NotFound(f"there is no source `{name}`", hint=f"there are {', '.join(known)}" if known else "there is none at all")
    return Among("target", names)


def _narrowed(look: Look, request: Request, common: Common, reading: Reading) -> list[Condition]:
    found: list[Condition] = []
    if common.target:
        found.append(target_condition(common.target, reading))
    if request.family:
        if "family" not in look.table.columns:
            raise InvalidValue(f"{look.table.name} have no address family – at `-{'4' if request.family == 'inet' else '6'}`")
        found.append(Among("family", (2 if request.family == "inet" else 10,)))
    return found


def _as_json(look: Look, request: Request, conditions: list[Condition], reading: Reading) -> None:
    fields = look.table.fields
    if request.columns:
        names = {name for view in chosen_views(look, request.columns) for name in view.fields}
        fields = tuple(field for field in fields if field.name in names)
    text, arguments = where(conditions)
    columns = ", ".join(f"t.{field.name}" for field in fields)
    limit = f" LIMIT {request.limit}" if request.limit else ""
    rows = reading.fetch(f"SELECT t.target, {columns}, t.since FROM {look.table.name} AS t{text}{limit}", arguments)
    write_json(sys.stdout, ("target", *(field.name for field in fields), "since"), rows, {field.name for field in fields if field.json})


def _as_table(
    look: Look, request: Request, common: Common, conditions: list[Condition], plain: bool, reading: Reading, spelling: Spelling
) -> None:
    views = chosen_views(look, request.columns) if request.columns else all_views(look) if request.all_columns else look.views
    shown = {name for view in views for name in view.fields}
    extra = [one for one in look.table.fields if request.details and one.name not in shown and (request.volatile or not one.volatile)]
    listing = Listing(look, views, [field.name for field in extra])
    hidden = look.hidden if plain else None
    text, arguments = where([*conditions, Not(hidden.condition)] if hidden else conditions)
    columns = ", ".join(f"t.{name}" for name in listing.fields)
    rows: list[Any] = reading.fetch(f"SELECT t.target, {columns} FROM {look.table.name} AS t{text}", arguments)
    rows = listing.sort(rows)
    if request.limit:
        del rows[request.limit :]
    style, width = style_for(sys.stdout, common.colour), terminal_width(sys.stdout)
    with_target = len({row[0] for row in rows}) > 1 or len(reading.targets()) > 1
    cut, missing = False, set[str]()
    for block in _blocks(listing, rows, spelling, with_target, None if common.wide else width):
        missing |= {view.heading for view in views if view.spare} - {column.heading for column in block.columns}
        below = _under(listing, block.rows, extra, spelling, width, style)
        if block.number:
            sys.stdout.write("\n")
        if width is None or common.wide or fits(block.columns, width):
            cut |= write_table(block.columns, sys.stdout, style, width=None if common.wide else width, under=below)
        else:
            write_sentences(block.columns, sys.stdout, style, width=width, under=below)
    _notes(look, rows, hidden, conditions, cut, missing, reading)


class _Block(NamedTuple):
    number: int
    rows: list[Any]
    columns: list[Column]


def _blocks(listing: Listing, rows: list[Any], spelling: Spelling, with_target: bool, width: int | None) -> list[_Block]:
    """One block, or, where that is too wide for the terminal, one per address family."""
    if not rows:
        return []
    whole = _Block(0, rows, listing.columns(rows, spelling, with_target=with_target))
    if width is None or fits(whole.columns, width):
        return [whole]
    whole = whole._replace(columns=roomy(telling(whole.columns), width))
    if fits(whole.columns, width):
        return [whole]
    parts = listing.families(rows)
    columns = [telling(listing.columns(part, spelling, with_target=with_target)) for part in parts]
    return [_Block(number, part, shown) for number, (part, shown) in enumerate(zip(parts, columns, strict=True))]


def _under(listing: Listing, rows: list[Any], extra: list[Field], spelling: Spelling, width: int | None, style: Style) -> dict[int, str]:
    """What stands below rows: hops, and the details that were asked for."""
    below = {number: "".join(f"    {line}\n" for line in lines) for number, lines in listing.beneath(rows, spelling).items()}
    for number, row in enumerate(rows if extra else ()):
        below[number] = below.get(number, "") + wrapped(listing.details(row, spelling, extra), "    ", width, style)
    return below


def _notes(
    look: Look, rows: list[Any], hidden: Hidden | None, conditions: list[Condition], cut: bool, missing: set[str], reading: Reading
) -> None:
    """What a person should know about what is not there. On stderr: pipes get rows only."""
    notes = []
    if hidden:
        text, arguments = where([*conditions, hidden.condition])
        count = reading.fetch(f"SELECT count(*) FROM {look.table.name} AS t{text}", arguments)[0][0]
        if count:
            notes.append(f"{count} more: see them with `{hidden.how}` or `all`")
    if not rows and not notes:
        notes.append(f"no {look.table.name}" + (" match" if conditions else ""))
    if missing:
        notes.append(f"no room for {' and '.join(sorted(missing))}: --wide shows all")
    if cut:
        notes.append("some cells are cut to the terminal's width: --wide shows them whole")
    if sys.stdout.isatty() and notes:
        style = style_for(sys.stderr)
        sys.stdout.flush()
        for note in notes:
            print(style("dim", f"({note})"), file=sys.stderr)
