"""The program `convsweep COMMAND ...`: runs the module of the command as `python -m` does, and
imports no other.
"""

import os
import runpy
import sys

from convsweep.cli.completion import COMPLETES, complete_command
from convsweep.cli.shell_command import shell_command
from convsweep.errors import UserError, did_you_mean

# The module and the purpose of each command.
COMMANDS = {
    "init": (
        "convsweep.init.command",
        "write a small project to start from: configs, a net, a data set, a test",
    ),
    "auto": (
        "convsweep.auto.command",
        "plan, search, confirm, test and export within a budget of time",
    ),
    "train": ("convsweep.train", "train a network, or search for one (-m)"),
    "plan": (
        "convsweep.planning.command",
        "look at the data and decide how to train and what to search",
    ),
    "inspect": (
        "convsweep.explain.inspect",
        "print a network layer by layer: shapes, cost, receptive field",
    ),
    "report": (
        "convsweep.review.report.command",
        "write a sweep, a run or a folder of runs as HTML and Markdown",
    ),
    "confirm": (
        "convsweep.review.confirm.command",
        "train the winners of a sweep again with new seeds, against a baseline",
    ),
    "predict": ("convsweep.inference.predict.command", "apply a trained network to files"),
    "evaluate": (
        "convsweep.inference.evaluate.command",
        "measure a trained network on labelled data",
    ),
    "export": (
        "convsweep.inference.export.command",
        "write a trained network as torch.export and ONNX programs",
    ),
    "draw": (
        "convsweep.explain.draw.command",
        "draw a network: matrix, receptive field, filters, feature maps",
    ),
    "synth": ("convsweep.explain.synth.command", "synthesise images with a trained network"),
    "wandb-study": (
        "convsweep.review.wandb_study.command",
        "log a sweep's study to W&B as it stands",
    ),
    "wandb-view": (
        "convsweep.review.wandb_study.workspace",
        "save a W&B view of a study, with its panels",
    ),
}


def help_text() -> str:
    """Return what `convsweep --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {shell_command()} [--help] [--version] COMMAND ...",
            "\nTrain, search and review convolutional networks.\n",
            "commands:",
            *lines,
            "\nexamples:",
            (
                f"  {shell_command('train')}                                  # a small CNN on"
                " handwritten digits, in seconds"
            ),
            (
                f"  {shell_command('train', '-m', 'sweeps=depth_kernel')}           # an"
                " architecture search"
            ),
            (
                f"  {shell_command('predict', '--help')}                         # the options of a"
                " command, with examples"
            ),
        ]
    )


def check_command(word: str) -> None:
    """Check that there is a command of this name.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    if "=" in word:
        raise UserError(
            f"the first argument must be a command, but is {word!r}; did you mean:"
            f" {shell_command('train', word)}"
        )
    if word not in COMMANDS:
        raise UserError(f"there is no command {word!r}; {did_you_mean(word, COMMANDS)}")


def main() -> None:
    """Run the command that `sys.argv` names."""
    if COMPLETES in os.environ:
        complete_command({name: purpose for name, (_, purpose) in COMMANDS.items()})
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in ("-h", "--help", "help"):
        print(help_text())
        return
    if word == "--version":
        from importlib.metadata import version

        print(f"convsweep {version('convsweep')}")
        return
    try:
        check_command(word)
    except UserError as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(2) from None
    del sys.argv[1]
    if os.getcwd() not in sys.path:
        # a config may name classes of a project in the current folder, as under `python -m`
        sys.path.append(os.getcwd())
    runpy.run_module(COMMANDS[word][0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
