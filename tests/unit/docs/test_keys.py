"""The pages of configuration and deployment file have every key with its default, and no other."""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from clawbot_agent.config.load import section_of
from clawbot_agent.config.model import BotConfig
from clawbot_controller.deployment.file import Document
from clawbot_controller.deployment.target import TIERS, Target
from tests.support.doc_tables import Page, code_spans, every_page, fenced

# what null stands for is decided elsewhere
DERIVED: Final = {
    "openclaw.image.base": "by version",
    "openclaw.image.reference": "`ghcr.io/openclaw/openclaw:VERSION`",
    "share.resource_group": "the instance's",
    "state.backend": "`image` with azure-files, else `local`",
    "sysbox.url": "upstream's",
    "sysbox.sha256": "upstream's",
    "size": "the tier's",
}
DOTTED: Final = re.compile(r"(?:bot\.(\w+(?:\.\w+)*)|([a-z]\w*(?:\.\w+)+))(?:: \S.*)?")
# ends of names of files and units, which are no keys
FILES: Final = (".json", ".service", ".timer", ".sqlite", ".previous", ".yaml")


def fields_of(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        section = section_of(field.annotation)
        if section is None:
            yield f"{path}{name}", field
        else:
            yield from fields_of(section, f"{path}{name}.")


CONFIGURATION: Final = dict(fields_of(BotConfig))
TARGET: Final = dict(fields_of(Target))


def documented(page: Page) -> dict[str, tuple[str, ...]]:
    """Return the row of each key; the heading above is the section."""
    found: dict[str, tuple[str, ...]] = {}
    for section in page.sections():
        for table in page.tables(section):
            if table.header[:2] == ("key", "default"):
                prefix = f"{section}." if section in BotConfig.model_fields else ""
                for row in table.rows:
                    found |= {f"{prefix}{key}": row for key in code_spans(row[0])}
    return found


PAGES: Final = [
    pytest.param("configuration.md", CONFIGURATION, id="configuration"),
    pytest.param("deployment-file.md", TARGET, id="deployment file"),
]


@pytest.mark.parametrize(("page", "fields"), PAGES)
def test_page_has_exactly_the_keys(page: str, fields: dict[str, FieldInfo]) -> None:
    assert documented(Page.of(page)).keys() == fields.keys()


@pytest.mark.parametrize(("page", "fields"), PAGES)
def test_defaults_are_those_of_the_code(page: str, fields: dict[str, FieldInfo]) -> None:
    rows = documented(Page.of(page))
    wrong = {key: rows[key][1] for key, field in fields.items() if not is_default(key, rows, field)}
    assert wrong == {}


def is_default(key: str, rows: dict[str, tuple[str, ...]], field: FieldInfo) -> bool:
    cell = rows[key][1]
    # whether these are required depends on other sections; the text above the table says it
    if field.is_required():
        return cell == "required"
    if field.default is None:
        return cell == DERIVED.get(key, "none")
    value: Any = yaml.safe_load(cell.strip("`"))
    return bool(value == plain(field.default))


def plain(value: Any) -> Any:  # noqa: ANN401 - a default is of any type
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


@pytest.mark.parametrize(("page", "fields"), PAGES)
def test_each_choice_is_named(page: str, fields: dict[str, FieldInfo]) -> None:
    rows = documented(Page.of(page))
    missing = [
        f"{key}: {choice}"
        for key, field in fields.items()
        for choice in choices_of(field.annotation)
        if f"`{choice}`" not in " ".join(rows[key])
    ]
    assert missing == []


def choices_of(annotation: Any) -> Iterator[str]:  # noqa: ANN401 - any annotation
    for one in get_args(annotation):
        if isinstance(one, str):
            yield one
        else:
            yield from choices_of(one)


def test_tiers_are_those_of_the_code() -> None:
    table = Page.of("deployment-file.md").table("Tiers", "tier")
    assert [row[:3] for row in table.rows] == [
        (f"`{name}`", tier.size, f"{tier.ram_gib} GiB") for name, tier in TIERS.items()
    ]


def unknown_key(span: str) -> bool:
    """Return whether a code span has the form of a key, and is none."""
    match = DOTTED.fullmatch(span)
    if match is None or span.endswith(FILES):
        return False
    key = match[1] or match[2]
    known = [*CONFIGURATION, *(f"azure.{one}" for one in TARGET)]
    is_key = match[1] or key.partition(".")[0] in BotConfig.model_fields
    return bool(is_key) and not any(f"{one}.".startswith(f"{key}.") for one in known)


@pytest.mark.parametrize("page", every_page(), ids=lambda page: page.name)
def test_every_key_in_the_docs_exists(page: Page) -> None:
    assert [span for span in code_spans(page.text) if unknown_key(span)] == []


@pytest.mark.parametrize(
    ("span", "unknown"),
    [
        ("state.backend", False),
        ("bot.share.auth", False),
        ("openclaw.image", False),
        ("azure.disk_gib", False),
        ("azure.address: prefix", False),
        ("bot.name", False),
        ("bot.nmae", True),
        ("openclaw.json", False),
        ("state.backends", True),
        ("bot.share.key", True),
        ("azure.disk", True),
        ("replacement.hold_after: 2", True),
    ],
)
def test_unknown_key_is_found(span: str, *, unknown: bool) -> None:
    assert unknown_key(span) is unknown


def unknown_in(document: Any, model: type[BaseModel], path: str = "") -> Iterator[str]:  # noqa: ANN401 - YAML
    for key, value in document.items():
        field = model.model_fields.get(key)
        if field is None:
            yield f"{path}{key}"
        elif (section := section_of(field.annotation)) is not None:
            yield from unknown_in(value, section, f"{path}{key}.")


@pytest.mark.parametrize("page", every_page(), ids=lambda page: page.name)
def test_yaml_in_the_docs_has_only_keys_that_exist(page: Page) -> None:
    for block in fenced(page.text, "yaml"):
        document = yaml.safe_load(block)
        if document.keys() & {"bot", *BotConfig.model_fields}:
            model = Document if "bot" in document else BotConfig
            assert list(unknown_in(document, model)) == []
