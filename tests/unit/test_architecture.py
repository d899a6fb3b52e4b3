"""The contracts in pyproject.toml can fail: each arrow of the architecture is turned once."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

import grimp
import pytest
from importlinter import api
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import Contract

TYPES: Final[dict[str, type[Contract]]] = {
    "layers": LayersContract,
    "forbidden": ForbiddenContract,
    "acyclic_siblings": AcyclicSiblingsContract,
}
CONFIGURATION: Final = api.read_configuration()
LAYERS: Final = [one for one in CONFIGURATION["contracts_options"] if one["type"] == "layers"]
FORBIDDEN: Final = [one for one in CONFIGURATION["contracts_options"] if one["type"] == "forbidden"]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    packages = CONFIGURATION["session_options"]["root_packages"]
    return grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)


def kept(graph: grimp.ImportGraph, options: dict[str, Any]) -> bool:
    """Whether a contract holds for a graph."""
    contract = TYPES[options["type"]](
        name=options["name"],
        session_options=CONFIGURATION["session_options"],
        contract_options=options,
    )
    return contract.check(graph, verbose=False).kept


def turned(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Importer and imported of every arrow that a contract of layers forbids."""
    (container,) = options["containers"]
    layers = [[part.strip() for part in layer.split("|")] for layer in options["layers"]]
    for higher, lower in itertools.combinations(layers, 2):
        for importer, imported in itertools.product(lower, higher):
            yield f"{container}.{importer}", f"{container}.{imported}"
    for layer in layers:
        for importer, imported in itertools.permutations(layer, 2):
            yield f"{container}.{importer}", f"{container}.{imported}"


def test_all_contracts_hold(graph: grimp.ImportGraph) -> None:
    assert [one["name"] for one in CONFIGURATION["contracts_options"] if not kept(graph, one)] == []


@pytest.mark.parametrize("options", LAYERS, ids=lambda options: options["name"])
def test_a_contract_of_layers_is_broken_by_each_arrow_against_it(
    graph: grimp.ImportGraph, options: dict[str, Any]
) -> None:
    arrows = list(turned(options))
    unnoticed = []
    for importer, imported in arrows:
        graph.add_import(importer=importer, imported=imported)
        if kept(graph, options):
            unnoticed.append((importer, imported))
        graph.remove_import(importer=importer, imported=imported)
    assert len(arrows) > 10
    assert unnoticed == []


@pytest.mark.parametrize("options", FORBIDDEN, ids=lambda options: options["name"])
def test_a_contract_of_forbidden_imports_is_broken_by_each_of_them(
    graph: grimp.ImportGraph, options: dict[str, Any]
) -> None:
    unnoticed = []
    for importer, imported in itertools.product(
        options["source_modules"], options["forbidden_modules"]
    ):
        graph.add_import(importer=importer, imported=imported)
        if kept(graph, options):
            unnoticed.append((importer, imported))
        graph.remove_import(importer=importer, imported=imported)
    assert unnoticed == []


@pytest.mark.parametrize("options", LAYERS, ids=lambda options: options["name"])
def test_a_package_outside_of_all_layers_breaks_the_contract(
    graph: grimp.ImportGraph, options: dict[str, Any]
) -> None:
    assert not kept(graph, {**options, "layers": options["layers"][1:]})


def test_a_cycle_between_two_modules_of_a_package_breaks_the_contract(
    graph: grimp.ImportGraph,
) -> None:
    (options,) = [o for o in CONFIGURATION["contracts_options"] if o["type"] == "acyclic_siblings"]
    importer, imported = "clawbot_agent.features.apt.errors", "clawbot_agent.features.apt.stage"
    graph.add_import(importer=importer, imported=imported)
    assert not kept(graph, options)
    graph.remove_import(importer=importer, imported=imported)
