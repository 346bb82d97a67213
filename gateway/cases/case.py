"""Cases as they are played: a file's spec made into requests in a row, each with what is expected of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from gateway.config.cases import CasesFile
from gateway.config.problem import Path
from gateway.config.schema.cases import CaseSpec, ExpectSpec, PrincipalSpec, RequestSpec, StepSpec
from gateway.rehearsal import Assumed, Draft, assumed


@final
@dataclass(frozen=True, slots=True)
class Scene:
    """One step of a case. Where it has no `draft`, only time passes; `advance` is in seconds.

    `source` is the `file:line` of the step.
    """

    source: str
    advance: float = 0.0
    draft: Draft | None = None
    listener: int = 0
    assumed: Assumed | None = None
    times: int = 1
    stays: bool = False
    expect: ExpectSpec | None = None


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One case: it begins with full buckets at `now`, in seconds since 1970."""

    file: str
    name: str
    source: str
    now: float
    scenes: tuple[Scene, ...]


def cases(file: CasesFile) -> Iterator[Case]:
    """The cases of a file in their order; one whose `as` is a list is as many."""
    for index, spec in enumerate(file.spec.cases):
        names = spec.as_ if isinstance(spec.as_, tuple) else (spec.as_,)
        for who in names:
            name = f"{spec.name} [{who}]" if len(names) > 1 else spec.name
            path = ("cases", index)
            scenes = tuple(_Maker(file, path, spec, who).scenes())
            yield Case(file.tree.file, name, file.tree.source(path), file.spec.now, scenes)


@final
class _Maker:
    """Makes the scenes of one case for one of those who ask."""

    def __init__(self, file: CasesFile, path: Path, spec: CaseSpec, who: str | PrincipalSpec | None) -> None:
        self._file = file
        self._path = path
        self._spec = spec
        self._who = who

    def scenes(self) -> Iterator[Scene]:
        spec = self._spec
        if spec.steps is None:
            yield self._scene(spec, self._path, self._who)
            return
        for number, step in enumerate(spec.steps):
            path = (*self._path, "steps", number)
            names = step.as_ if isinstance(step.as_, tuple) else (step.as_,)
            for who in names:
                yield self._scene(step, path, who)

    def _scene(self, step: StepSpec, path: Path, who: str | PrincipalSpec | None) -> Scene:
        source = self._file.tree.source(path)
        request = step.request
        if request is None:
            return Scene(source, step.advance or 0.0)
        token = step.token or (self._spec.token if who is None else None)
        if who is None and token is None:
            who = self._who
        return Scene(
            source=source,
            advance=step.advance or 0.0,
            draft=_draft(request, token),
            listener=request.listener - 1,
            assumed=self._assumed(who),
            times=step.times,
            stays=step.stays,
            expect=step.expect,
        )

    def _assumed(self, who: str | PrincipalSpec | None) -> Assumed | None:
        spec = self._file.spec.principals[who] if isinstance(who, str) else who
        return None if spec is None else assumed(spec)


def _draft(request: RequestSpec, token: str | None) -> Draft:
    fields = [
        (name, value)
        for name, values in request.headers.items()
        for value in ((values,) if isinstance(values, str) else values)
    ]
    body = (request.body or "").encode()
    if request.json_ is not None:
        body = json.dumps(request.json_, ensure_ascii=False).encode()
        if "content-type" not in {name.lower() for name, _ in fields}:
            fields.append(("Content-Type", "application/json"))
    if token is not None:
        fields.append(("Authorization", f"Bearer {token}"))
    return Draft(request.method, request.path, request.host, tuple(fields), body, request.client)
