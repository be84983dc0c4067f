"""A sweep on a Ray cluster of several nodes, one of which is lost."""

import pytest

from .conftest import PATIENCE_S, MakeToy, wait_for
from .needed import needs

pytestmark = pytest.mark.long


@pytest.mark.filterwarnings("ignore")  # of Ray's own processes and sockets
def test_a_lost_node_does_not_lose_a_trial(toy: MakeToy, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("ray")
    needs("hydra_plugins.hydra_ray_launcher")
    # Ray's workers give way to everything else, the other tests too
    monkeypatch.setenv("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    # A worker trains one trial at a time: with three of them two nodes are used.
    body = """
        node = Path(trial.current().folder, "node")
        save(node, os.environ["RAY_RAYLET_PID"])
        while len(list(node.parents[1].glob("[0-9]*/node"))) < 3: time.sleep(0.05)
        time.sleep(0.5)
        return cfg.x
    """
    app = toy(body, sweeper="n_trials: 24\nslots: 1\nworkers: 4\nparams: {x: 'interval(0,1)'}")
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    init = [
        f"hydra.launcher.ray.init.address={cluster.address}",
        "+hydra.launcher.ray.init.object_store_memory=null",
    ]
    try:
        nodes = [cluster.add_node(num_cpus=2) for _ in range(3)]
        process = app.start("hydra/launcher=ray", *init, "hydra/sweeper/sampler=random")
        wait_for(lambda: len(list(app.sweep.glob("[0-9]*/node"))) >= 12)
        used = {path.read_text() for path in app.sweep.glob("[0-9]*/node")}
        pids = {
            str(process.process.pid): node
            for node in nodes
            for process in node.all_processes["raylet"]
        }
        cluster.remove_node(pids[sorted(used)[0]], allow_graceful=False)
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        cluster.shutdown()
    assert process.returncode == 0, output
    kinds = app.kinds()
    assert kinds.count("complete") == 24, output
    assert set(kinds) <= {"complete", "killed"}
    assert len(used) >= 2
    assert all(
        trial.value == trial.params["x"]
        for trial in app.trials()
        if trial.user_attrs["kind"] == "complete"
    )
