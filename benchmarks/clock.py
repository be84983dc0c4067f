"""Time and memory of training steps, from the end of the first epoch to the end of the last."""

import json
import resource
import time


class Clock:
    """Measures wall and CPU time between the end of the first and the last epoch."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []

    def mark(self) -> None:
        """Record the end of an epoch."""
        self.marks.append((time.perf_counter(), time.process_time()))

    def report(self, steps: int, batch: int, accuracy: float | None) -> None:
        """Print the figures as JSON.

        Args:
            steps: Steps of one epoch.
            batch: Batch size.
            accuracy: Last validation accuracy.
        """
        (wall, cpu), (wall_end, cpu_end), epochs = (
            self.marks[0],
            self.marks[-1],
            len(self.marks) - 1,
        )
        total = steps * epochs
        print(
            json.dumps(
                {
                    "epoch_s": (wall_end - wall) / epochs,
                    "images_s": total * batch / (wall_end - wall),
                    "cpu_ms_a_step": 1e3 * (cpu_end - cpu) / total,
                    "accuracy": accuracy,
                    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                }
            )
        )
