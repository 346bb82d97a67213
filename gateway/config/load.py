"""Files -> Specs -> Snapshot.

Reads gateway.yaml, every `*.yaml` directly in the folders of policies that it lists, and the documents that
those name, and reports whatever is wrong in all of them at once. No exception but ConfigError leaves this
module.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from os.path import normpath
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gateway.config import allow, credentials, entry, fields, issuers, names, objectives, pem, tiers
from gateway.config.compile import Specs, compile_snapshot
from gateway.config.credentials import Credentials
from gateway.config.documents import Documents
from gateway.config.entry import Entry, Layer
from gateway.config.file import File, read_file
from gateway.config.offline import Offline
from gateway.config.problem import ConfigError, Problem
from gateway.config.schema.credentials import ApiKeysFile, UsersFile
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.model import Spec
from gateway.config.schema.policies import PoliciesSpec
from gateway.config.schema.routes import DefaultsSpec, RouteSpec
from gateway.config.snapshot import Snapshot
from gateway.config.tree import Tree, shown
from gateway.policy.ports import Ports

S = TypeVar("S", bound=Spec)
_POLICIES = GatewaySpec.model_fields["policies"].default
_VERSION_DIGITS = 12


def load_snapshot(path: Path, environ: Mapping[str, str], ports: Ports | None = None) -> Snapshot:
    """The Snapshot of the configuration that starts at `path`. Raises ConfigError with every problem.

    Its policies ask `ports`; without them it is not for serving.
    """
    return compile_snapshot(load(path, environ), ports or Offline())


def load(path: Path, environ: Mapping[str, str]) -> Specs:
    """The Specs of the configuration that starts at `path`. Raises ConfigError with every problem."""
    gateway = read_file(path, GatewaySpec, environ)
    places, problems = _policy_files(gateway.tree, path)
    policies = [read_file(place, PoliciesSpec, environ) for place in places]
    keys = _named(path, gateway.tree, "api_keys", ApiKeysFile, environ)
    users = _named(path, gateway.tree, "basic_users", UsersFile, environ)
    listed = [file for file in (keys, users) if file is not None]
    files = (gateway, *policies, *listed)
    trees = [file.tree for file in files]
    entries = tuple(_entries(gateway, policies))
    if not problems and all(tree.data is not None for tree in trees):
        # Who could not read everything cannot say that a name does not exist.
        problems += [*names.unknown(trees), *allow.ungranted(trees)]
    problems += [problem for file in files for problem in file.problems]
    files_of_tls, found = pem.read(gateway.tree, path.parent)
    problems += found
    sections = [file.spec for file in policies if file.spec]
    known_tiers = {name: spec for section in sections for name, spec in section.tiers.items()}
    problems += [*names.given_twice(trees), *fields.problems(trees), *allow.problems(trees)]
    problems += [*credentials.problems(trees), *issuers.unreachable(trees)]
    problems += [*tiers.problems(trees, known_tiers), *entry.problems(entries)]
    problems += objectives.problems(entries)
    if gateway.spec is not None:
        problems += issuers.problems(gateway.tree, gateway.spec.issuers)
        problems += credentials.beyond(gateway.tree, gateway.spec)
    for file in listed:
        problems += credentials.untellable(file.tree, file.spec)
    documents = Documents(trees)
    problems += documents.problems
    if problems or gateway.spec is None:
        raise ConfigError(problems)
    digests = [*(file.digest for file in files), *files_of_tls.digests.values(), documents.digest]
    return Specs(
        tree=gateway.tree,
        trees=tuple(trees),
        policies=tuple(file.tree for file in policies),
        gateway=gateway.spec,
        headers={name: spec for section in sections for name, spec in section.headers.items()},
        cors={name: spec for section in sections for name, spec in section.cors.items()},
        roles={name: spec for section in sections for name, spec in section.roles.items()},
        credentials=Credentials(
            keys.spec.keys if keys and keys.spec else (), users.spec.users if users and users.spec else ()
        ),
        tiers=known_tiers,
        entries=entries,
        pem=files_of_tls,
        documents=documents,
        files=tuple(
            {path for file in files for path in file.read} | {*files_of_tls.digests, *documents.files}
        ),
        version=sha256(b"".join(digests)).hexdigest()[:_VERSION_DIGITS],
    )


def _policy_files(tree: Tree, path: Path) -> tuple[list[Path], list[Problem]]:
    said = tree.at(("policies",))
    listed = list(_POLICIES) if said is None else said
    places: dict[Path, None] = {}
    problems = []
    for index, name in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(name, str) or not isinstance(tree.data, dict):
            continue
        try:
            found = sorted((path.parent / name).iterdir())
            places |= dict.fromkeys(
                each for each in found if each.suffix == ".yaml" and not _same(each, path)
            )
        except (OSError, ValueError):
            message = f"expected a folder that can be read, got {shown(name)}"
            problems.append(tree.problem(("policies", index), message))
    return list(places), problems


def _named(
    path: Path, tree: Tree, section: str, model: type[S], environ: Mapping[str, str]
) -> File[S] | None:
    """The file that a section of gateway.yaml names, None where there is none."""
    name = tree.at((section, "file"))
    return read_file(path.parent / name, model, environ) if isinstance(name, str) and name else None


def _same(one: Path, other: Path) -> bool:
    return normpath(one) == normpath(other)


def _entries(gateway: File[GatewaySpec], policies: Sequence[File[PoliciesSpec]]) -> Iterator[Entry]:
    """Every sound route, also of a file that is not, with its defaults; none whose defaults are not sound."""
    last = _defaults(gateway)
    for file in policies:
        first = _defaults(file)
        if first is None or last is None:
            continue
        for index, spec in _routes(file):
            yield entry.entry(file.tree, ("routes", index), spec, (first, last))


def _defaults(file: File[GatewaySpec] | File[PoliciesSpec]) -> Layer | None:
    said = file.tree.at(("defaults",))
    spec = file.spec.defaults if file.spec else _sound(DefaultsSpec, {} if said is None else said)
    return Layer(file.tree, ("defaults",), spec) if spec else None


def _routes(file: File[PoliciesSpec]) -> Iterator[tuple[int, RouteSpec]]:
    if file.spec is not None:
        yield from enumerate(file.spec.routes)
        return
    said = file.tree.at(("routes",))
    for index, route in enumerate(said if isinstance(said, list) else []):
        spec = _sound(RouteSpec, route)
        if spec is not None:
            yield index, spec


def _sound(model: type[S], said: object) -> S | None:
    try:
        return model.model_validate(said)
    except ValidationError:
        return None
