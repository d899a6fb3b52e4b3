"""What every section of the configuration has in common."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Strict, model_validator

# a YAML list becomes an immutable tuple; the items themselves stay strictly checked
LISTED: Final = Strict(strict=False)


class Section(BaseModel):
    """A mapping with known keys only, never changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:  # noqa: ANN401  # pydantic's protocol
        # a section whose keys are all commented out reads as null
        return {} if data is None else data
