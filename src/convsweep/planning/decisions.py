"""The decisions of a plan: a key, its value, and why."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from convsweep.planning.given import Given
from hydra_study import override_text

GIVEN = "given by you"
OWN_CONFIGS = "your own configs, given by --config-dir"


@dataclass(frozen=True)
class Decision:
    """One line of a plan.

    Args:
        key: of the config, or the name of a group.
        value: its value; of a group: its option.
        why: rule and numbers, one sentence.
        is_group: whether `key` is a group.
        is_given: whether the user said so.
    """

    key: str
    value: Any
    why: str
    is_group: bool = False
    is_given: bool = False

    @property
    def override(self) -> str:
        """The override of Hydra that sets it."""
        return f"{'' if self.is_group else '++'}{self.key}={override_text(self.value)}"


@dataclass
class Decisions:
    """All decisions in the order in which they were made. What the user gave is kept.

    Args:
        given: what the user gave.
    """

    given: Given
    made: dict[str, Decision] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.given.config_dir is not None:
            key, folders = "hydra.searchpath", [f"file://{self.given.config_dir}"]
            self.made[key] = Decision(key, folders, OWN_CONFIGS, is_given=True)
        for group, option in self.given.groups.items():
            self.made[group] = Decision(group, option, GIVEN, is_group=True, is_given=True)
        for key, value in self.given.values.items():
            self.made[key] = Decision(key, value, GIVEN, is_given=True)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.made.values())

    def decide(self, key: str, value: Any, why: str) -> Any:
        """Set a key, unless the user gave it, and return the value that holds."""
        return self._make(Decision(key, value, why))

    def choose(self, group: str, option: str, why: str) -> str:
        """Set the option of a group, unless the user gave it, and return the one that holds."""
        return str(self._make(Decision(group, option, why, is_group=True)))

    def _make(self, wanted: Decision) -> Any:
        held = self.made.get(wanted.key)
        if held is not None and held.is_given:
            said = f"{GIVEN}; by the rule it would be {shown(wanted.value)}: {wanted.why}"
            same = f"{GIVEN}, as by the rule: {wanted.why}"
            why = same if held.value == wanted.value else said
            self.made[wanted.key] = Decision(held.key, held.value, why, held.is_group, True)
            return held.value
        self.made[wanted.key] = wanted
        return wanted.value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key or group."""
        held = self.made.get(key)
        return default if held is None else held.value

    def overrides(self) -> list[str]:
        """Return the overrides of all decisions that are not the user's own."""
        return [each.override for each in self if not each.is_given]


def shown(value: Any) -> str:
    """Return a value as YAML would show it."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return override_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)
