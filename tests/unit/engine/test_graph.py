import pytest

from clawbot_agent.engine.stage import Graph, GraphError, Phase
from tests.unit.engine.scripted import a_stage


def test_every_stage_comes_after_what_it_needs() -> None:
    graph = Graph((a_stage("c", needs=("b", "a")), a_stage("b", needs=("a",)), a_stage("a")))
    assert graph.names == ("a", "b", "c")


def test_given_order_is_kept_where_needs_allow_it() -> None:
    graph = Graph(tuple(a_stage(name) for name in "dbca"))
    assert graph.names == ("d", "b", "c", "a")


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ((("a", ()), ("a", ())), "two stages have the same name"),
        ((("a", ("ghost",)),), "a needs ghost, which does not exist"),
        ((("a", ("b",)), ("b", ("a",))), "stages need each other: "),
    ],
)
def test_invalid_graphs_are_refused(
    stages: tuple[tuple[str, tuple[str, ...]], ...], problem: str
) -> None:
    with pytest.raises(GraphError, match=problem):
        Graph(tuple(a_stage(name, needs=needs) for name, needs in stages))


def test_choosing_by_name_and_phase_keeps_the_order() -> None:
    graph = Graph(
        (a_stage("a", phase=Phase.BASE), a_stage("b", needs=("a",)), a_stage("c", needs=("b",)))
    )
    assert [s.name for s in graph.choose(["c", "a"], phase=None)] == ["a", "c"]
    assert [s.name for s in graph.choose(None, phase=Phase.BASE)] == ["a"]
    assert [s.name for s in graph.choose(["a", "b"], phase=Phase.NODE)] == ["b"]


def test_unknown_name_is_reported_with_the_known_ones() -> None:
    with pytest.raises(GraphError, match="no stage named x, y; there are a, b"):
        Graph((a_stage("a"), a_stage("b"))).choose(["y", "a", "x"], phase=None)
