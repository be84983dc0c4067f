"""Choice of W&B's mode (online, offline, none) without prompts or long waits."""

import importlib.util
import socket
import urllib.request
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

AskedMode = Literal["auto", "online", "offline", "disabled"]
# For the server of W&B; longer, the run starts offline.
CONNECT_TIMEOUT_S = 3.0


class Mode(NamedTuple):
    """The mode of a run and the reason if it is not online (else empty)."""

    word: Literal["online", "offline", "disabled"]
    reason: str = ""


def choose_mode(asked: AskedMode) -> Mode:
    """Return the mode of a new run.

    `auto` follows `WANDB_MODE` and `wandb online|offline|disabled`; unless these say otherwise, the
    run is online if the user is logged in (`WANDB_API_KEY`, `wandb login`, netrc) and the server
    answers, else offline.

    Raises:
        Exception: any error of a damaged wandb installation or account file; the caller continues
            without W&B.
    """
    if asked in ("offline", "disabled"):
        return Mode(asked, f"logger.mode={asked}")
    if importlib.util.find_spec("wandb") is None:
        return Mode("disabled", "wandb is not installed")
    import wandb

    settings = wandb.setup(settings=wandb.Settings(silent=True)).settings
    if asked == "auto" and settings.mode in ("offline", "dryrun"):
        return Mode("offline", "WANDB_MODE or `wandb offline`")
    if asked == "auto" and settings.mode == "disabled":
        return Mode("disabled", "WANDB_MODE or `wandb disabled`")
    return _reachable_account(settings.base_url)


def _reachable_account(base_url: str) -> Mode:
    import wandb

    try:
        # With another run open in this process the login is settled, and `verify_login` would say
        # no.
        logged_in = wandb.run is not None or wandb.login(prompt=False, verify=False)
    except wandb.errors.Error as problem:
        return Mode("offline", f"the login is not valid: {one_line(problem)}")
    if not logged_in:
        return Mode("offline", "not logged in; `wandb login` changes that")
    if not _answers(base_url):
        return Mode("offline", f"{base_url} does not answer")
    return Mode("online")


def _answers(url: str) -> bool:
    """Return whether a server listens at `url`; True with a proxy, which only wandb can check."""
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies() or parts.hostname is None:
        return True
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def one_line(problem: BaseException) -> str:
    """Return the first line of an exception's message, or its type without one."""
    return next(
        (line for line in str(problem).splitlines() if line.strip()), type(problem).__name__
    )
