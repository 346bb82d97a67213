from gateway.config.schema.policies import PoliciesSpec


def test_a_file_may_hold_nothing():
    spec = PoliciesSpec.model_validate({})
    assert ({}, ()) == (spec.headers, spec.routes)


def test_a_file_may_hold_roles_headers_defaults_and_routes():
    spec = PoliciesSpec.model_validate(
        {
            "roles": {"admin": {"permissions": ["*"]}},
            "headers": {"strict": {"preset": "api"}},
            "defaults": {"auth": "public"},
            "routes": [{"id": "a", "match": {"path": "/a"}}],
        }
    )
    assert ("api", "public", "a") == (spec.headers["strict"].preset, spec.defaults.auth, spec.routes[0].id)
    assert ("*",) == spec.roles["admin"].permissions
