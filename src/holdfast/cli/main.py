"""Where the program starts and ends: errors become a line, exit codes are decided, a closed pipe is no news.

Exit codes: 0 done · 1 it could not be done · 2 it was asked wrongly · 130 interrupted · 141 nobody reads the output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from holdfast.errors import Bug, HoldfastError, InvalidValue, UnknownName

if TYPE_CHECKING:
    import click

__all__ = ["INTERRUPTED", "NOBODY_READS", "guarded", "main"]

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
NOBODY_READS = 141  # 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What is still buffered would be written when Python ends, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(words: list[str]) -> int:
    from .app import app

    return guarded(lambda: app.main(words, prog_name="holdfast", complete_var="_HOLDFAST_COMPLETE", standalone_mode=False) or 0, words)


def guarded(work: Callable[[], int], words: Sequence[str], name: str = "holdfast") -> int:
    """The exit code of `work`; what it raises is said on stderr, behind `name`. words: the command, which may ask for JSON.

    Raises: BrokenPipeError, KeyboardInterrupt.
    """
    import click

    try:
        return work()
    except click.Abort:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return 2
    except click.ClickException as error:
        return _report(_of_click(error), words, name)
    except HoldfastError as error:
        return _report(error, words, name)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except OSError as error:
        return _report(HoldfastError(_sentence(error)), words, name)
    except Exception as error:  # noqa: BLE001 - the program's edge: a person gets a sentence, who looks for the fault a traceback
        return _report(Bug(f"{type(error).__name__}: {error}"), words, name)


def _of_click(error: click.ClickException) -> HoldfastError:
    """A wrong command line in our own words: what, and which help to read."""
    message = error.format_message().rstrip(".").replace("'", "`")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "holdfast"
    return InvalidValue(message[:1].lower() + message[1:], hint=f"`{command} --help` explains" if command else "`help` lists the commands")


def _sentence(error: OSError) -> str:
    what = os.strerror(error.errno) if error.errno else str(error)
    return f"{what}: `{error.filename}`" if error.filename else what


def _indented(hint: str) -> str:
    """Under its message; on a terminal in lines that end between words."""
    if not sys.stderr.isatty():
        return f"  {hint}"
    import shutil
    import textwrap

    width = max(shutil.get_terminal_size().columns, 40)
    lines = textwrap.wrap(hint, width - 2, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"  {line}" for line in lines)


def _report(error: HoldfastError, words: Sequence[str], name: str = "holdfast") -> int:
    """Say on stderr what went wrong; returns the exit code."""
    if os.environ.get("HOLDFAST_DEBUG"):
        import traceback

        traceback.print_exc()
    if any(word in ("--json", "-j") for word in words):
        import json

        print(json.dumps(error.as_dict(), ensure_ascii=False), file=sys.stderr)
    else:
        from .presentation.style import style_for

        style = style_for(sys.stderr)
        print(f"{style('bad', f'{name}:')} {error.message}", file=sys.stderr)
        hint = f"{error.hint}; HOLDFAST_DEBUG=1 shows where" if isinstance(error, Bug) else error.hint
        if hint:
            print(style("dim", _indented(hint)), file=sys.stderr)
    return 2 if isinstance(error, InvalidValue | UnknownName) else 1
