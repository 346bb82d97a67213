"""`policies/audit/waivers.yaml`: findings of `gateway audit` that are meant to be as they are, and why."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway.config.schema.model import Items, Moment, Name, Spec, Text, needed, optional, rule

RuleId = Annotated[str, Field(pattern="^AZ[0-9]{3}$")]
_WORDS_AT_LEAST = 3


def _sentence(value: str) -> str:
    if len(value.split()) < _WORDS_AT_LEAST:
        raise rule("expected a sentence that says why")
    return value


Sentence = Annotated[str, AfterValidator(_sentence)]


class WaiverSpec(Spec):
    """One rule that may be broken in one place, for a reason and for a while."""

    rule: RuleId = needed("The id of the rule.")
    route: Name | None = optional("The id of the route that breaks it.")
    place: Text | None = optional(
        "Or the path of what breaks it, as the finding has it, such as `listeners[0]`; what stands inside is "
        "meant, too."
    )
    reason: Sentence = needed("Why it is right here, for who asks in a year.")
    expires: Moment = needed("When the reason has to be thought over. From then on it counts no more.")

    @model_validator(mode="after")
    def _names_what_it_excuses(self) -> "WaiverSpec":
        if (self.route is None) == (self.place is None):
            raise rule("expected one of route and place")
        return self


class WaiversSpec(Spec):
    """One file of waivers."""

    waivers: Items[WaiverSpec] = needed("The waivers.")
