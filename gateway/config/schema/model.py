"""What the schema is written with.

A field is `needed` (has to be there) or `optional`. Texts that stand for a value are read while they are
validated, so a spec holds seconds, bytes, networks and addresses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    Tag,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gateway.config import values
from gateway.config.interpolation import Resolved
from gateway.config.scalar import core
from gateway.config.snapshot import Address, Network

T = TypeVar("T")


class Spec(BaseModel):
    """One mapping of a file, validated and frozen; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def needed(description: str, alias: str | None = None) -> Any:
    """A key that has to be there; `alias` is its name in the file where ours must differ."""
    return Field(alias=alias, description=description)


def optional(description: str, default: Any = None, alias: str | None = None) -> Any:
    """A key that may be there; `default` is written as a file would write it, None stands for no default."""
    return Field(default, alias=alias, description=description, validate_default=default is not None)


def rule(message: str) -> PydanticCustomError:
    """A finding that says everything itself; for what several keys of one mapping break together."""
    return PydanticCustomError("rule", "{message}", {"message": message})


@final
@dataclass(frozen=True, slots=True)
class Reads:
    """Annotates what a function of `values` reads from a text; editors check the text by `pattern`."""

    parse: Callable[[str], object]
    pattern: str = ""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        shape = {"type": "string", "x-kind": self.parse.__name__}
        return {**shape, "pattern": f"^({self.pattern})$"} if self.pattern else shape

    def _validate(self, value: object) -> object:
        # No function of `values` takes an empty text: each says what it expected instead of a number, say.
        return self.parse(value if isinstance(value, str) else "")


def _typed(value: object) -> object:
    # What comes from the environment is text; where a number or a truth value is meant it is read as one.
    return core(value) if isinstance(value, Resolved) else value


def _not_empty(value: tuple[object, ...]) -> tuple[object, ...]:
    if not value:
        raise rule("expected at least one item, got none")
    return value


def _shape(value: object) -> str:
    if isinstance(value, dict | Spec):
        return "<mapping>"
    return "<list>" if isinstance(value, list | tuple) else "<name>"


# A secret: neither the repr of a spec nor a message tells what stands there.
UNSEEN = Field(repr=False)

# Which member of a union is meant, by what was written; the tags tell `wording` what was expected.
SHAPE = Discriminator(_shape)
NAME = Tag("<name>")
LIST = Tag("<list>")
MAPPING = Tag("<mapping>")

# Before a closed list of numbers: see `_typed`.
TYPED = BeforeValidator(_typed)
# Unlike `min_length` it is silent about a list whose items are wrong.
NOT_EMPTY = AfterValidator(_not_empty)

Items = Annotated[tuple[T, ...], Strict(False)]
Text = Annotated[str, Field(min_length=1)]
Flag = Annotated[bool, TYPED]
Count = Annotated[int, Field(ge=1, le=1_000_000_000), TYPED]
Number = Annotated[int, Field(ge=0, le=1_000_000_000), TYPED]
Status = Annotated[int, Field(ge=200, le=599), TYPED]
StatusText = Annotated[str, Field(pattern="^[1-5][0-9][0-9]$")]

Name = Annotated[str, Reads(values.name, values.NAME)]
Duration = Annotated[float, Reads(values.duration, values.DURATION)]
Pause = Annotated[float, Reads(values.pause, values.DURATION)]
Moment = Annotated[float, Reads(values.moment, values.MOMENT)]
Size = Annotated[int, Reads(values.size, values.SIZE)]
Rate = Annotated[tuple[int, float], Reads(values.rate, values.RATE)]
Partition = Annotated[str, Reads(values.partition, values.PARTITION)]
Chooser = Annotated[str, Reads(values.chooser, values.CHOOSER)]
Store = Annotated[str, Reads(values.store)]
Percent = Annotated[float, Reads(values.percent, values.PERCENT)]
Target = Annotated[float, Reads(values.target, values.PERCENT)]
Block = Annotated[Network, Reads(values.network)]
Listening = Annotated[Address, Reads(values.listening)]
Endpoint = Annotated[Address, Reads(values.endpoint)]
Url = Annotated[str, Reads(values.url)]
Origin = Annotated[str, Reads(values.origin)]
Site = Annotated[str, Reads(values.site)]
Host = Annotated[str, Reads(values.host, values.HOST)]
ServerName = Annotated[str, Reads(values.server_name)]
Method = Annotated[str, Reads(values.method, values.METHOD)]
Permission = Annotated[str, Reads(values.permission, values.PERMISSION)]
Grant = Annotated[str, Reads(values.grant, values.GRANT)]
Scope = Annotated[str, Reads(values.scope, values.SCOPE)]
MediaType = Annotated[str, Reads(values.media_type, values.MEDIA_TYPE)]
FieldName = Annotated[str, Reads(values.field_name, values.FIELD_NAME)]
FieldValue = Annotated[str, Reads(values.field_value, values.FIELD_VALUE)]
OwnField = Annotated[str, Reads(values.own_field, values.FIELD_NAME)]
Prefix = Annotated[str, Reads(values.prefix)]
