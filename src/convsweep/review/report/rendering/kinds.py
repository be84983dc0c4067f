"""How a trial can stand or end, as a report shows it: what that means, and its colour."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of outcome: its colour in the palette, and what it means."""

    colour: str
    meaning: str


KINDS = {
    "complete": Kind("@accent", "trained to its end"),
    "pruned": Kind("@warm", "stopped early: no future"),
    "infeasible": Kind("@faint", "cannot be built or breaks the budget; not charged"),
    "duplicate": Kind("@sand", "the same network as an earlier trial; not charged"),
    "out_of_memory": Kind("@violet", "needed more memory than there was"),
    "timed_out": Kind("@olive", "took longer than its limit"),
    "diverged": Kind("@pink", "its loss did not stay finite"),
    "killed": Kind("@muted", "ended from outside; retried"),
    "error": Kind("@bad", "raised an error"),
    "running": Kind("@teal", "still training"),
    "waiting": Kind("@line", "queued"),
}


def in_words(kind: str) -> str:
    """Return a kind as a person reads it."""
    return kind.replace("_", " ")
