"""What other packages' errors say, where nothing but their text tells them apart.

A release may word them anew: each has a test that meets the error itself. Those by which a search knows that memory is used
up are in `hydra_plugins/study/kinds.py`.
"""

NO_TOKEN = "LexerNoViableAlt"
"""Hydra: a value holds what its grammar knows only in quotes."""

SEARCH_PATH = "Config search path"
"""Hydra: what follows in an error about a missing config says where it was looked for."""

META_DEVICE = r"\bmeta\b"
"""torch: an operation has no values on the meta device."""

LOST_CONNECTION = "onnection"
"""torch.distributed, whatever connects the processes: one of them has gone."""
