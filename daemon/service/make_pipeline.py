"""Makes the pipeline of a daemon."""

from daemon.service.choose_engine import leave_out_dead_parameters
from daemon.service.tools import Tools
from daemon.work.engine_questions import EngineQuestions
from daemon.work.pipeline import Pipeline


def make_pipeline(tools: Tools) -> Pipeline:
    """The way of photos through this daemon's engine. Raises BadSettings if the engine has no model of the ladder."""
    pipeline = Pipeline(
        EngineQuestions(tools.engine, tools.alphas, tools.progress, tools.runtime, tools.journal.work_times),
        recorder=tools.journal,
        meter=tools.progress,
        budget=tools.budget,
        workers=tools.workers,
        witnesses=tools.witnesses,
        runtime=tools.runtime,
    )
    leave_out_dead_parameters(pipeline, tools.opened.state, tools.settings.now)
    pipeline.strategy(tools.settings.now)
    return pipeline
