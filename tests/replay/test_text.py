"""What a replay found, as people and as programs read it."""

import json

import pytest

from gateway.replay.text import as_json, text

ROLE = ('allow: {permissions: ["bills:read"]}\n    quota', "allow: {roles: [boss]}\n    quota")


@pytest.fixture
def shown(replayed, line):
    def show(members, *pairs):
        tally = replayed([line(**each) for each in members], *pairs)
        return text(tally, tally.differences(), "v")

    return show


def test_a_difference_has_both_places_and_examples(shown, tmp_path):
    said = shown([{}, {"principal": "bob"}, {"path": "/open", "route": "open"}], ROLE)
    assert said.splitlines() == [
        "newly refused: 2 requests (66.7%), 2 principals",
        f"  old  bills passes to bank              {tmp_path}/old/policies/routes.yaml:11",
        f"  new  bills: 403 missing_role by allow  {tmp_path}/new/policies/routes.yaml:13",
        f"    {'a' * 32}  GET /bills",
        f"    {'a' * 32}  GET /bills",
        "",
        "3 requests replayed: 2 decided differently, 1 alike, 0 of which nobody can tell, "
        "0 not as OLD decides",
    ]


def test_what_nobody_can_tell_and_what_is_not_as_logged_stand_apart(shown):
    said = shown([{}, {"roles": []}], ("limit: 10/1m", "limit: 9/1m"))
    assert "nobody can tell: 1 request (50.0%)\n  quota is new or says something else; the log lacks" in said
    assert (
        "OLD does not decide as the log says: 1 request (50.0%)\n  log: bills passes; OLD: bills: 403" in said
    )


def test_what_a_newly_allowed_request_may_still_meet_is_told(shown, refused):
    members = refused("clients", "address_denied", client="10.1.2.3", principal="", roles=[])
    said = shown([members], ("deny: [10.1.0.0/16]", "deny: [10.2.0.0/16]"))
    assert "nobody verified" in said
    assert "unless it is refused by quota, limits, auth, allow" in said


def test_another_path_of_the_same_service_is_told(shown):
    members = {"path": "/open", "route": "open"}
    assert "as another path" in shown([members], ("path: /open}", 'path: /open}, rewrite: {path: "/v2"}'))


def test_another_version_and_other_lines_are_told(shown):
    said = shown([{"config_version": "w"}, {"type": "log"}])
    assert "lines left out: 1 of another log\n" in said
    assert "OLD is v; what the log tells was decided by w: 1\n" in said


def test_a_terminal_is_given_no_orders(shown):
    said = shown([{"path": "/\x1b[2J\u202e", "request_id": "\x1b]0;x\x07\n", "route": "\x9b"}])
    assert said.replace("\n", "").isprintable()


def test_json_is_for_programs(replayed, line, tmp_path):
    tally = replayed([line(), line(roles=[]), line(type="log")], ROLE)
    told = json.loads(as_json(tally, tally.differences(), "v"))
    assert (2, 1, 0, 1, 0) == tuple(
        told[name] for name in ("requests", "different", "unknown", "not_reproducible", "same")
    )
    (difference,) = told["differences"]
    assert ("refused", 1, 0.5, 1, []) == tuple(
        difference[name] for name in ("kind", "requests", "share", "principals", "unless")
    )
    assert {
        "decision": "refused",
        "route": "bills",
        "source": f"{tmp_path}/new/policies/routes.yaml:13",
        "policy": "allow",
        "reason": "missing_role",
        "status": 403,
        "upstream": None,
    } == difference["new"]
    assert [{"request_id": "a" * 32, "request": "GET /bills"}] == difference["examples"]
    assert (1, "v", {"v": 2}) == (told["skipped"]["other"], told["old_version"], told["versions"])
