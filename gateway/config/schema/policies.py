"""`policies/*.yaml`: what is allowed. Any file may hold any of the sections."""

from gateway.config.schema.model import (
    Items,
    Name,
    Spec,
    optional,
)
from gateway.config.schema.named import CorsSpec, HeadersSpec, RoleSpec, TierSpec
from gateway.config.schema.routes import DefaultsSpec, RouteSpec


class PoliciesSpec(Spec):
    """One file of policies."""

    tiers: dict[Name, TierSpec] = optional("Rates by name.", {})
    roles: dict[Name, RoleSpec] = optional("Roles by name.", {})
    cors: dict[Name, CorsSpec] = optional("CORS policies by name.", {})
    headers: dict[Name, HeadersSpec] = optional("Headers policies by name.", {})
    defaults: DefaultsSpec = optional("Keys for every route of this file.", {})
    routes: Items[RouteSpec] = optional("The routes.", ())
