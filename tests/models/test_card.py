"""Cards for a hub: what a card states is kept, what is missing comes from the facts."""

import pytest

from mirnet.errors import WeightsError
from mirnet.models import card
from mirnet.models.address import Address
from mirnet.models.facts import Facts

yaml = pytest.importorskip("yaml", reason="needs the extra hub")

ADDRESS = Address("me/mine")
FACTS = Facts(task="denoise", parameters=1234, multiple=8)


def parts(text):
    """The metadata, by PyYAML alone, and the Markdown."""
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_a_card_made_of_facts_says_what_it_does_not_know():
    front, body = parts(card.write("a.onnx", ADDRESS, FACTS, licence_id="CC0-1.0", sha256="ab"))

    assert front == {
        "license": "cc0-1.0",
        "library_name": "mirnet",
        "pipeline_tag": "image-to-image",
        "tags": ["image-restoration", "mirnetv2", "onnx", "denoise"],
    }
    assert "1,234 parameters" in body
    assert "multiples of 8" in body
    assert "Not stated by its author." in body
    assert "mirnet restore photograph.jpg --model hf://me/mine/a.onnx" in body


def test_what_a_card_states_is_kept():
    text = (
        "---\nlicense: mit\ntags: [mine]\nlanguage: de\n---\n# Mine\n\n## Data\n\nMy own, and "
        "LOL.\n\n## Results\n\nLPIPS 0.1\n\n# More\n\nPSNR\n"
    )

    front, body = parts(card.write("a.safetensors", ADDRESS, FACTS, text=text))

    assert front["license"] == "mit"
    assert front["tags"] == ["mine"]
    assert front["language"] == "de"
    assert front["library_name"] == "mirnet"
    assert front["datasets"] == ["LOL"]
    assert front["metrics"] == ["lpips"]
    assert body.startswith("\n# Mine\n\n## Data\n\nMy own, and LOL.\n")
    again = parts(
        card.write("a.safetensors", ADDRESS, FACTS, text=f"---\n{yaml.safe_dump(front)}---{body}")
    )
    assert again == (front, body)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Mine\n", "under which licence"),
        ("---\nlicense: mit\ntags: [\n---\n# Mine\n", "metadata is not YAML"),
        ("---\n- license\n---\n# Mine\n\n| licence | MIT |\n", "not YAML with names and values"),
    ],
)
def test_cards_that_cannot_be_published_are_refused(text, message):
    with pytest.raises(WeightsError, match=message) as caught:
        card.write("a.onnx", ADDRESS, FACTS, text=text)

    assert "\n" not in str(caught.value)


def test_metadata_runs_no_code():
    text = "---\nlicense: mit\nx: !!python/object/apply:os.system ['exit 1']\n---\n# Mine\n"

    with pytest.raises(WeightsError, match="metadata is not YAML"):
        card.write("a.onnx", ADDRESS, FACTS, text=text)
