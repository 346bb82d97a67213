"""A route for programs, as `gateway routes` and the admin listener tell it."""

from gateway.routing import Forward, Redirect, Route


def route_view(route: Route) -> dict[str, object]:
    """A route as people read it: id, methods, path, where it goes, and the line that made it."""
    target = route.target
    if isinstance(target, Forward):
        goes = target.upstream
    elif isinstance(target, Redirect):
        goes = f"redirect {target.status}"
    else:
        goes = f"respond {target.status}"
    return {
        "id": route.id,
        "methods": list(route.methods),
        "path": route.pattern,
        "target": goes,
        "policies": [policy.name for policy in route.pipeline.policies],
        "source": route.source,
    }
