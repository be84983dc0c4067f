"""The launcher `ray`: workers as tasks of Ray, on this machine or a cluster."""

import os
from collections.abc import Sequence

from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

from hydra_study.interrupts import Interrupts
from hydra_study.launchers.workers import Workers
from hydra_study.sweep_spec import SweepSpec

# Bytes of Ray's object store, unless the config says otherwise; the launcher's own default.
_RAY_STORE = 78_643_200


class RayWorkers(Workers):
    """Workers as tasks of Ray."""

    launcher = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
    package, extra = "hydra_plugins.hydra_ray_launcher", "ray"

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Start or join Ray ahead of its launcher: it takes SIGTERM then, and would kill the
        workers by it.
        """
        # by `uv run` they would run in a copy of the whole folder
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        import ray

        if not ray.is_initialized():
            options = OmegaConf.to_container(spec.config.hydra.launcher.ray.init, resolve=True)
            assert isinstance(options, dict)
            ray.init(**{"object_store_memory": _RAY_STORE, **options})
        interrupts.take()
        return super().launch(spec, jobs, first, interrupts)
