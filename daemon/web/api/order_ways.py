"""The route that shows how far each order is."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.journal.order_rows import OrderProgress
from daemon.web.api.api_schemas import answers
from daemon.web.callers import Caller, Role
from daemon.web.json_answer import as_json
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of


async def orders(request: Request, site: Site) -> Response:
    """All orders that the caller may see."""
    return as_json({"orders": await run_in_threadpool(order_values, site, caller_of(request))})


def order_values(site: Site, caller: Caller) -> list[Mapping[str, object]]:
    """Each order as JSON values."""
    all_orders = site.journal.orders.all()
    speed = None if site.journal.paused_at() is not None else site.journal.orders.ended_per_second(site.clock())
    return [_values(order, all_orders, speed) for order in all_orders if caller.sees(order.name)]


def _values(order: OrderProgress, others: tuple[OrderProgress, ...], speed: float | None) -> Mapping[str, object]:
    left = order.photos_before_its_end(others) if order.waiting or order.running else 0
    return {
        "name": order.name,
        "waiting": order.waiting,
        "running": order.running,
        "done": order.done,
        "failed": order.failed,
        "grades": {grade.value: count for grade, count in order.grades.items()},
        "undecided": order.undecided,
        "priority": order.priority,
        "seconds_left": 0.0 if not left else round(left / speed, 1) if speed else None,
    }


WAYS = (Way("GET", "/api/v1/orders", orders, Role.VIEWER, "How far each order is.", answers("Orders")),)
