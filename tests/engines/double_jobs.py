"""The double's routes below /api/jobs, which ComfyUI has since 0.6.0."""

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.engines.double_worker import Worker

Json = dict[str, Any]

STATES = ("pending", "in_progress", "completed", "failed", "cancelled")
CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def read(worker: "Worker", path: str, query: dict[str, str]) -> tuple[int, Json]:
    """GET /api/jobs and GET /api/jobs/{id}: status and body. path: what follows "/jobs"."""
    jobs = {job["id"]: job for job in _jobs(worker)}
    if wanted := path.strip("/"):
        return (200, jobs[wanted]) if wanted in jobs else (404, {"error": "Job not found"})
    states = [state for state in query.get("status", "").split(",") if state]
    unknown = [state for state in states if state not in STATES]
    if unknown:
        valid = f"Valid values: {', '.join(STATES)}"
        return 400, {"error": f"Invalid status value(s): {', '.join(unknown)}. {valid}"}
    found = [
        {name: value for name, value in job.items() if name not in ("outputs", "execution_status", "workflow")}
        for job in reversed(jobs.values())
        if not states or job["status"] in states
    ]
    offset, limit = int(query.get("offset", 0)), int(query["limit"]) if "limit" in query else None
    shown = found[offset:] if limit is None else found[offset : offset + limit]
    more = offset + len(shown) < len(found)
    return 200, {
        "jobs": shown,
        "pagination": {"offset": offset, "limit": limit, "total": len(found), "has_more": more},
    }


def cancel(worker: "Worker", path: str, body: bytes) -> tuple[int, Json]:
    """POST /api/jobs/{id}/cancel and POST /api/jobs/cancel: status and body. path: what follows "/jobs"."""
    if path == "/cancel":
        ids = [str(each) for each in json.loads(body)["job_ids"]]
        invalid = [each for each in ids if not CANONICAL.fullmatch(each)]
        if invalid:
            return 400, {"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}
        return 200, {"cancelled": True in {each: _cancel(worker, each) for each in ids}.values()}
    return 200, {"cancelled": _cancel(worker, path.strip("/").removesuffix("/cancel"))}


def _cancel(worker: "Worker", prompt_id: str) -> bool:
    queue = worker.queue()
    if any(item[1] == prompt_id for item in queue["queue_pending"]):
        worker.dequeue([prompt_id])
        return True
    worker.interrupt(prompt_id)
    return any(item[1] == prompt_id for item in queue["queue_running"])


def _jobs(worker: "Worker") -> list[Json]:
    """All jobs, the oldest first."""
    queue = worker.queue()
    done = [_finished(entry) for entry in list(worker.history.values())]
    waiting = sorted(queue["queue_pending"], key=lambda item: item[0])
    return [
        *done,
        *(_job(item, "in_progress") for item in queue["queue_running"]),
        *(_job(item, "pending") for item in waiting),
    ]


def _job(item: list[Any], state: str) -> Json:
    shown = {"outputs_count": 0, "previewable_outputs_count": 0, "outputs": {}}
    workflow = {"prompt": item[2], "extra_data": item[3]}
    extra = {"create_time": item[3].get("create_time"), "workflow": workflow}
    return {"id": item[1], "status": state, "priority": item[0], **extra, **shown}


def _finished(entry: Json) -> Json:
    status, outputs = entry["status"], entry["outputs"]
    kinds = [kind for kind, _ in status["messages"]]
    times = [data["timestamp"] for _, data in status["messages"]]
    state = "completed" if status["completed"] else "cancelled" if "execution_interrupted" in kinds else "failed"
    job = _job(entry["prompt"], state)
    job |= {"execution_start_time": times[0], "execution_end_time": times[-1], "execution_status": status}
    images = [(node, image) for node, ui in outputs.items() for image in ui["images"]]
    job |= {"outputs": outputs, "outputs_count": len(images), "previewable_outputs_count": len(images)}
    if images:
        job["preview_output"] = {**images[0][1], "nodeId": images[0][0], "mediaType": "images"}
    return job
