"""Registration of the sweeper's options, samplers, pruners and schedules in Hydra's config
store.
"""

from hydra.core.config_store import ConfigStore

from hydra_study.config import PRUNERS, SAMPLERS, SCHEDULES, StudyConf


def _register() -> None:
    store = ConfigStore.instance()
    if "study_defaults.yaml" in store.list("hydra/sweeper"):
        return  # Hydra runs this module at each scan, and 1.4 warns if a config is stored twice
    for name, sampler in SAMPLERS.items():
        store.store(
            group="hydra/sweeper/sampler",
            name=name,
            node={**sampler, "seed": None},
            provider="study",
        )
    for group, options in (("pruner", PRUNERS), ("schedule", SCHEDULES)):
        for name, node in options.items():
            store.store(
                group=f"hydra/sweeper/{group}", name=name, node=dict(node), provider="study"
            )
    defaults = {
        "defaults": [
            "_self_",
            {"/hydra/sweeper/sampler": "tpe"},
            {"/hydra/sweeper/pruner": "none"},
            {"/hydra/sweeper/schedule": "none"},
        ],
        "hydra": {"sweeper": StudyConf, "sweep": {"dir": "multirun/${hydra.sweeper.study_name}"}},
    }
    store.store(
        group="hydra/sweeper",
        name="study_defaults",
        node=defaults,
        package="_global_",
        provider="study",
    )


_register()
