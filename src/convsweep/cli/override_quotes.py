"""Puts values in quotes that Hydra's grammar knows only there, as paths are typed:
`data.root=~/Bücher & Hefte`.
"""

import os
import re

# An override of one plain value: what makes choices, functions, lists, dictionaries and quoted
# strings is left to its author.
OVERRIDE = re.compile(r"(?P<key>[^-=\s][^=\s]*)=(?P<value>[^,'\"()\[\]{}]*)(?<!\\)", re.DOTALL)
ONLY_IN_QUOTES = re.compile(r"[^\x00-\x7f]|[~&#;!<>^`]")


def quote_values(arguments: list[str]) -> list[str]:
    """Return the arguments of a command line with such values in quotes, and `~` at their front as
    the home folder.
    """
    return [_quote(argument) for argument in arguments]


def _quote(argument: str) -> str:
    found = OVERRIDE.fullmatch(argument)
    if found is None or not ONLY_IN_QUOTES.search(found["value"]):
        return argument
    return f"{found['key']}='{os.path.expanduser(found['value'])}'"
