"""What newcomers type is answered by the word that this program has for it."""

from pathlib import Path

import pytest
from hydra.errors import MissingConfigException

from convsweep.cli.command_line import config_folder
from convsweep.cli.hydra_answers import better_answer
from convsweep.cli.known_words import check_dashes, group_of, key_for
from convsweep.errors import UserError

CONFIG = {"optimizer": {"lr": 0.1}, "data": {"batch_size": 64}, "latency": {"batch_size": 1}}


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("lr", "optimizer.lr"),
        ("epochs", "trainer.max_epochs"),
        ("batch_size", "data.batch_size"),
        ("no_such_word", None),
    ],
)
def test_a_word_of_another_program_leads_to_its_key(word: str, key: str | None) -> None:
    assert key_for(word, CONFIG) == key


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--epochs", "5"], "write trainer.max_epochs=5"),
        (["--data.image_size=64"], "write data.image_size=64"),
        (["--lr", "seed=1"], "write optimizer.lr=VALUE"),
    ],
)
def test_an_override_with_dashes_is_written_as_it_should_be(
    arguments: list[str], remedy: str
) -> None:
    with pytest.raises(UserError, match=f"{remedy}$"):
        check_dashes(arguments)
    check_dashes(["--multirun", "--cfg", "job", "--config-dir=conf", "-m", "seed=1"])


def test_an_option_of_another_group_is_found() -> None:
    assert group_of("resnet18", config_folder(), "model") == "model/net"
    assert group_of("no_such_option", config_folder()) is None
    told = better_answer(MissingConfigException("", "model/resnet18", ["classification"]))
    assert told == "model has no option resnet18, but model/net has; say model/net=resnet18"


def test_a_path_for_a_kind_of_data_is_answered_by_the_key_of_paths(tmp_path: Path) -> None:
    told = better_answer(MissingConfigException("", f"data/{tmp_path}", ["image_folder"]))
    assert told is not None
    assert f"data=image_folder data.root={tmp_path}" in told
