"""Makes the parts by which photos are cut out on the workers of a cluster, too."""

import logging
import time
from math import ceil

from daemon.cluster.far_file import FarFiles, FarTools
from daemon.cluster.pool import Pool
from daemon.engines.contract import Engine
from daemon.logs import log
from daemon.service.choose_engine import workers_for
from daemon.service.cluster_figures import ClusterFigures
from daemon.service.tools import Tools
from daemon.settings import Settings
from daemon.work.cut_file import FilesHere
from daemon.work.dispatch import Dispatch
from daemon.work.file_in_work import OpensFiles
from daemon.work.pipeline import Pipeline

MOST_AT_ONCE = 256
"""Photos in work, each with a thread of the daemon: as many as the settings allow."""
_MORE_IN_WORK = 1.25
"""Of what workers work on at once: the rest is published here, or waits for the next place."""


def opener(tools: Tools, pipeline: Pipeline, here: FilesHere) -> OpensFiles:
    """Opens files on the workers of the cluster, if there is one, else here."""
    if tools.pool is None:
        return here
    far = FarTools(
        tools.pool,
        tools.folders,
        tools.alphas,
        tools.journal,
        tools.progress,
        tools.runtime,
        pipeline,
        tools.journal.work_times.leave_out,
    )
    return FarFiles(far, here, workers_for(tools.settings.now, tools.engine))


def photos_at_once(settings: Settings, engine: Engine, pool: Pool | None) -> int:
    """How many photos to have in work."""
    here = workers_for(settings, engine)
    if pool is None or settings.dispatch.workers:
        return here
    return min(MOST_AT_ONCE, max(here, ceil(pool.threads * _MORE_IN_WORK) + 1 if pool.threads else 0))


def start_pool(tools: Tools, dispatch: Dispatch) -> None:
    """Look for workers from now on, if there is a cluster, and have as many photos in work as they can use."""
    if tools.pool is not None:
        tools.pool.start(_Look(tools, tools.pool, dispatch).turn)


class _Look:
    """What follows from a look at the workers."""

    def __init__(self, tools: Tools, pool: Pool, dispatch: Dispatch) -> None:
        self._tools = tools
        self._pool = pool
        self._dispatch = dispatch
        self._figures = ClusterFigures(tools.metrics, tools.settings.now.cluster.scheduler, time.monotonic)
        self._told = ""

    def turn(self) -> None:
        """Give the workers enough to do, and tell and show how they are; log it when it changes."""
        self._dispatch.resize(photos_at_once(self._tools.settings.now, self._tools.engine, self._pool))
        state = self._pool.state()
        self._figures.show(state, self._pool.totals())
        text = state.in_words()
        self._tools.health.report("cluster", bool(state.fit), text)
        if text != self._told:
            self._told = text
            level = logging.INFO if state.fit else logging.WARNING
            log.log("cluster", f"Cluster: {text}.", level=level, workers=[worker.name for worker in state.fit])
