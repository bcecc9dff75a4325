import pytest
import torch
from torch import nn

from mirnet.training.averaging import average


def with_weight(value: float) -> nn.Linear:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def averaged(values: list[float], decay: float) -> float:
    """The average of a weight that takes one value after the other."""
    network = with_weight(values[0])
    average_of_it = average(network, decay)
    for value in values:
        nn.init.constant_(network.weight, value)
        average_of_it.update_parameters(network)
    return average_of_it.module.weight.item()


def expected(values: list[float], decay: float) -> float:
    average_of_them = values[0]
    for updates, value in enumerate(values[1:], start=1):
        kept = min(decay, (updates + 1) / (updates + 10))
        average_of_them = kept * average_of_them + (1 - kept) * value
    return average_of_them


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_the_decay_rises_to_the_one_asked_for(decay):
    values = [0.3, -1.0, 2.0, 0.5, 0.25, -0.75, 1.5] * 20
    assert averaged(values, decay) == pytest.approx(expected(values, decay), abs=1e-5)


def test_the_first_weights_are_soon_forgotten():
    assert averaged([1.0] + [0.0] * 100, 0.999) < 1e-6
    assert 0.999**100 > 0.9  # what a constant decay would have left of them


def test_without_decay_the_average_is_the_last_weights():
    assert averaged([0.1, 0.7, -0.25], 0.0) == -0.25


def test_an_average_goes_on_where_its_state_was_saved():
    values = torch.linspace(-1, 1, 30).tolist()
    network = with_weight(values[0])
    whole, first = average(network, 0.999), average(network, 0.999)
    for value in values[:10]:
        nn.init.constant_(network.weight, value)
        whole.update_parameters(network)
        first.update_parameters(network)
    second = average(with_weight(5.0), 0.999)
    second.load_state_dict(first.state_dict())
    for value in values[10:]:
        nn.init.constant_(network.weight, value)
        whole.update_parameters(network)
        second.update_parameters(network)
    assert torch.equal(whole.module.weight, second.module.weight)
