"""A study in an SQL database, whose trials are read as rows: as objects of SQLAlchemy's mapper they take eight times as long."""

import datetime
import json
import sys
from collections import defaultdict
from collections.abc import Collection, Container, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sql
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from .errors import StudyError

_TRIALS = models.TrialModel.__table__.c
_PARAMS = models.TrialParamModel.__table__.c
_VALUES = models.TrialValueModel.__table__.c
_REPORTS = models.TrialIntermediateValueModel.__table__.c
_USER_ATTRS = models.TrialUserAttributeModel.__table__.c
_SYSTEM_ATTRS = models.TrialSystemAttributeModel.__table__.c

_MOST_NAMED = 500
"""So many trials are looked up by their ids; of more, all of the study are read."""

_FULL = ("too many clients", "remaining connection slots", "too many connections")
_FULL_RULE = "the database of hydra.sweeper.storage must have a connection for each worker and some for each command"
_FULL_REMEDY = "raise its max_connections, or let fewer hydra.sweeper.workers have more hydra.sweeper.slots each"

Facts = dict[int, dict[Any, Any]]
"""What one table says of each trial, by the trial's id."""


class Database(RDBStorage):
    """Optuna's storage in a database, which reads in this way what it wrote in its own.

    It holds one connection, of which databases have few.

    Args:
        url: Where the database is.
        is_made: Whether its tables are known to be there, of this version of Optuna.

    Raises:
        StudyError: The database bears no more connections.
    """

    def __init__(self, url: str, is_made: bool = False) -> None:
        try:
            super().__init__(url, {"pool_size": 1}, is_made, skip_table_creation=is_made)
        except (SQLAlchemyError, StorageInternalError) as error:
            said = [text for text in _FULL if text in f"{error} {error.__cause__}"]
            if said:
                raise StudyError(f"{_FULL_RULE}, but got {said[0]!r}; {_FULL_REMEDY}") from None
            raise

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial.

        Raises:
            KeyError: There is none of this id.
        """
        found = self._read(_TRIALS.trial_id == trial_id, None)
        if not found:
            raise KeyError(trial_id)
        return found[0]

    def _get_trials(
        self, study_id: int, states: Container[TrialState] | None, included_trial_ids: set[int], trial_id_greater_than: int
    ) -> list[FrozenTrial]:
        """Return the trials behind an id, and those of the named ids, in order."""
        which = _TRIALS.trial_id > trial_id_greater_than
        named = sorted(trial_id for trial_id in included_trial_ids if trial_id <= trial_id_greater_than)
        if named:
            which = sql.or_(_TRIALS.trial_id.in_(named), which)
        return self._read(sql.and_(_TRIALS.study_id == study_id, which), states)

    def _read(self, which: sql.ColumnElement[bool], states: Container[TrialState] | None) -> list[FrozenTrial]:
        columns = (_TRIALS.trial_id, _TRIALS.number, _TRIALS.state, _TRIALS.datetime_start, _TRIALS.datetime_complete)
        with self.engine.connect() as connection:
            rows = connection.execute(sql.select(*columns).where(which).order_by(_TRIALS.trial_id)).all()
            rows = [row for row in rows if states is None or row.state in states]
            facts = _Facts(connection, which, [row.trial_id for row in rows])
            return [facts.trial(*row) for row in rows]


class _Facts:
    """What the other tables say of some trials.

    Args:
        connection: To the database.
        which: A condition on the table of trials.
        ids: The trials that fulfil it.
    """

    def __init__(self, connection: sql.Connection, which: sql.ColumnElement[bool], ids: Collection[int]) -> None:
        self._connection, self._which, self._ids = connection, which, ids
        self._params: Facts = defaultdict(dict)
        self._distributions: Facts = defaultdict(dict)
        for trial_id, name, value, text in self._rows(
            _PARAMS.trial_id, _PARAMS.param_name, _PARAMS.param_value, _PARAMS.distribution_json
        ):
            distribution = _distribution(text)
            self._params[trial_id][sys.intern(name)] = distribution.to_external_repr(value)
            self._distributions[trial_id][sys.intern(name)] = distribution
        self._values: Facts = defaultdict(dict)
        for trial_id, objective, value, kind in self._rows(
            _VALUES.trial_id, _VALUES.objective, _VALUES.value, _VALUES.value_type
        ):
            self._values[trial_id][objective] = models.TrialValueModel.stored_repr_to_value(value, kind)
        self._reports: Facts = defaultdict(dict)
        for trial_id, step, value, kind in self._rows(
            _REPORTS.trial_id, _REPORTS.step, _REPORTS.intermediate_value, _REPORTS.intermediate_value_type
        ):
            self._reports[trial_id][step] = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value(value, kind)
        self._user_attrs = self._attrs(_USER_ATTRS)
        self._system_attrs = self._attrs(_SYSTEM_ATTRS)

    def _attrs(self, table: Any) -> Facts:
        found: Facts = defaultdict(dict)
        for trial_id, key, text in self._rows(table.trial_id, table.key, table.value_json):
            found[trial_id][sys.intern(key)] = json.loads(text)
        return found

    def _rows(self, trial_id: Any, *columns: Any) -> Sequence[Any]:
        """Return columns of a table, in the order in which they were written."""
        if not self._ids:
            return []
        (key,) = trial_id.table.primary_key
        chosen = sql.select(trial_id, *columns).order_by(key)
        if len(self._ids) <= _MOST_NAMED:
            return self._connection.execute(chosen.where(trial_id.in_(self._ids))).all()
        return self._connection.execute(chosen.join(models.TrialModel, _TRIALS.trial_id == trial_id).where(self._which)).all()

    def trial(self, trial_id: int, number: int, state: TrialState, start: Any, complete: Any) -> FrozenTrial:
        """Return one of the trials."""
        values = self._values.get(trial_id)
        return FrozenTrial(
            number=number,
            state=state,
            value=None,
            values=None if values is None else [values[objective] for objective in range(len(values))],
            datetime_start=_local(start),
            datetime_complete=_local(complete),
            params=self._params[trial_id],
            distributions=self._distributions[trial_id],
            user_attrs=self._user_attrs[trial_id],
            system_attrs=self._system_attrs[trial_id],
            intermediate_values=self._reports[trial_id],
            trial_id=trial_id,
        )


@lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def _local(time: datetime.datetime | None) -> datetime.datetime | None:
    """Return a time of the database, which is that of Greenwich, as Optuna shows it: that of this place, without a zone."""
    return None if time is None else time.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)
