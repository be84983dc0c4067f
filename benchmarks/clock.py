"""What a step of a training cost, from the end of the first epoch to that of the last."""

import json
import resource
import time


class Clock:
    """Times what happens between the end of the first epoch and that of the last."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []

    def mark(self) -> None:
        """Note the end of an epoch."""
        self.marks.append((time.perf_counter(), time.process_time()))

    def report(self, steps: int, batch: int, accuracy: float | None) -> None:
        """Print the figures, given the steps of one epoch."""
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
