"""A study in a database takes one connection, and says when there is none."""

import pytest

from hydra_study.errors import StudyError
from hydra_study.paths import SweepPaths
from hydra_study.storage.storage import open_storage

from .conftest import MakeToy
from .postgresql import Server


def test_a_database_without_a_connection_left_says_what_to_do(
    toy: MakeToy, database: Server
) -> None:
    database.stop()
    database.start("-c max_connections=2 -c superuser_reserved_connections=0")
    layout = SweepPaths(toy("return 0.0").folder)
    opened = [open_storage(database.url, layout, 2, is_made=is_made) for is_made in (False, True)]
    assert [one.get_all_studies() for one in opened] == [[], []], "each holds its connection"
    with pytest.raises(
        StudyError, match="but got 'too many clients'; raise its max_connections, or let fewer"
    ):
        open_storage(database.url, layout, 2).get_all_studies()
    for one in opened:
        one.remove_session()
        one.close()
