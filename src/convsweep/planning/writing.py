"""plan.yaml and sweeps/search.yaml: values with the reason of each as its comment."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convsweep.planning.decisions import Decision, Decisions
from convsweep.planning.space import Dimension, baseline_point

# Columns of a written file.
WIDTH = 100
# Texts that YAML reads as they are, sweeps of Hydra's grammar, and words that it reads otherwise.
PLAIN = re.compile(r"[A-Za-z_/$][\w./@+-]*")
SWEEP = re.compile(r"[a-z]+\([\w., ()+/-]+\)")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def plan_text(decisions: Decisions, header: Sequence[str]) -> str:
    """Return plan.yaml, a primary config.

    Args:
        header: lines of the comment at the top.
    """
    groups = [each for each in decisions if each.is_group]
    values = [each for each in decisions if not each.is_group]
    lines = [f"# {line}" for line in header] + ["defaults:", "  - config"]
    for group in groups:
        lines += comment(group.why, 2)
        package = "@" in group.key
        lines.append(f"  - {'/' if package else 'override /'}{group.key}: {group.value}")
    lines += ["  - _self_", ""]
    tree: dict[str, Any] = {}
    for each in values:
        put(tree, each.key.split("."), each)
    return "\n".join([*lines, *yaml_lines(tree, 0)]) + "\n"


def search_text(
    space: Sequence[Dimension], settings: Iterable[Decision], header: Sequence[str]
) -> str:
    """Return sweeps/search.yaml, a search around the plan.

    Args:
        settings: keys besides the space.
    """
    lines = ["# @package _global_", *(f"# {line}" for line in header)]
    lines += ["defaults:", "  - override /hydra/sweeper: study"]
    settings = list(settings)
    for group in (each for each in settings if each.is_group):
        lines += comment(group.why, 2)
        lines.append(f"  - override /{group.key}: {group.value}")
    lines.append("")
    tree: dict[str, Any] = {}
    for each in (each for each in settings if not each.is_group):
        put(tree, each.key.split("."), each)
    sweeper = tree.setdefault("hydra", {}).setdefault("sweeper", {})
    sweeper["params"] = {
        dimension.key: Decision(dimension.key, dimension.text, "") for dimension in space
    }
    why = "the baseline is tried first, and some trials are drawn near it"
    sweeper["prior"] = Decision("prior", [baseline_point(space)], why)
    return "\n".join([*lines, *yaml_lines(tree, 0)]) + "\n"


def put(tree: dict[str, Any], path: list[str], decision: Decision) -> None:
    """Put a decision into a tree of keys."""
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = decision


def yaml_lines(tree: Mapping[str, Any], indent: int) -> list[str]:
    """Return a tree of decisions as lines of YAML."""
    lines: list[str] = []
    for key, value in tree.items():
        if isinstance(value, Decision):
            lines += [*comment(value.why, indent), f"{' ' * indent}{key}: {flow(value.value)}"]
        else:
            lines += [f"{' ' * indent}{key}:", *yaml_lines(value, indent + 2)]
    return lines


def flow(value: Any, inside: bool = False) -> str:
    """Return a value as YAML on one line.

    Args:
        inside: of a list or mapping, where a comma ends a value.
    """
    if isinstance(value, str):
        is_plain = PLAIN.fullmatch(value) or (SWEEP.fullmatch(value) and not inside)
        return value if is_plain and value.lower() not in WORDS else json.dumps(value)
    if isinstance(value, dict):
        pairs = (f"{flow(key, True)}: {flow(item, True)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(flow(item, True) for item in value)}]"
    text = json.dumps(value)
    # YAML 1.1 reads 1e-05 as text
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def comment(text: str, indent: int) -> list[str]:
    """Return a comment of lines that fit the page; none for an empty text."""
    start = " " * indent + "# "
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start)
