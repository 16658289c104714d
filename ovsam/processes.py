"""Worker processes that end with the process that started them, however that ended."""

import multiprocessing
import multiprocessing.connection
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def worker_pool(number: int, **options: Any) -> ProcessPoolExecutor:
    """A pool of `number` new processes, which inherit no threads and end with this one.

    Args:
        number: processes.
        options: those of `ProcessPoolExecutor`; its `initializer` must call `end_with_parent` itself.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(number, context, **{"initializer": end_with_parent, **options})


def end_with_parent() -> None:
    """Let this process end as soon as its parent is gone, also in the middle of its work."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
