"""Quotes override values that Hydra's grammar accepts only in quotes, such as `data.root=~/Bücher &
Hefte` and `data.group=(patient\\d+)_`.
"""

import os
import re

# An override with one plain value. Values with the syntax of choices, functions, lists,
# dictionaries or quoted strings are left unchanged.
OVERRIDE = re.compile(r"(?P<key>[^-=\s][^=\s]*)=(?P<value>[^,'\"()\[\]{}]*)(?<!\\)", re.DOTALL)
# A regular expression, whose parentheses are no choice or function, and a pattern of file names,
# whose brackets are no list.
PATTERNS = (
    re.compile(r"(?P<key>data\.group)=(?!choice\()(?P<value>[^'\"]*\([^'\"]*)"),
    re.compile(r"(?P<key>data\.holdout)=(?!\[[^\]]*\]$)(?P<value>[^'\",\\]*\[[^'\",\\]+)"),
)
ONLY_IN_QUOTES = re.compile(r"[^\x00-\x7f]|[~&#;!<>^`]")


def quote_values(arguments: list[str]) -> list[str]:
    """Return the arguments with such values in quotes and a leading `~` expanded."""
    return [_quote(argument) for argument in arguments]


def _quote(argument: str) -> str:
    for pattern in PATTERNS:
        if named := pattern.fullmatch(argument):
            return f"{named['key']}='{named['value']}'"
    found = OVERRIDE.fullmatch(argument)
    if found is None or not ONLY_IN_QUOTES.search(found["value"]):
        return argument
    return f"{found['key']}='{os.path.expanduser(found['value'])}'"
