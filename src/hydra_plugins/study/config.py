"""Registration of the sweeper's options, samplers and pruners in Hydra's config store."""

from hydra.core.config_store import ConfigStore

from hydra_study.config import PRUNERS, SAMPLERS, StudyConf


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
    for name, pruner in PRUNERS.items():
        store.store(group="hydra/sweeper/pruner", name=name, node=dict(pruner), provider="study")
    node = {
        "defaults": [
            "_self_",
            {"/hydra/sweeper/sampler": "tpe"},
            {"/hydra/sweeper/pruner": "none"},
        ],
        "hydra": {"sweeper": StudyConf, "sweep": {"dir": "multirun/${hydra.sweeper.study_name}"}},
    }
    store.store(
        group="hydra/sweeper",
        name="study_defaults",
        node=node,
        package="_global_",
        provider="study",
    )


_register()
